// SPDX-License-Identifier: Apache-2.0
// SIGKILL at random moments of an import, again and again until it has come
// to its end: the store is that of an undisturbed one. Scaled down; the whole
// size is GODWIT_IMPORT_KILLS=60 GODWIT_IMPORT_MESSAGES=100000.
import assert from 'node:assert/strict';
import test from 'node:test';

import { assertSameDump, describe, dumpText, makeRandom, must, setting, sleep }
    from '../lib/godwit.mjs';
import { assertImported, emptyStore, mustImport, startImport }
    from '../lib/import.mjs';
import { sampleWorld, startDouble } from '../lib/wukongim.mjs';

const KILLS = setting('GODWIT_IMPORT_KILLS', 50);
const MESSAGES = setting('GODWIT_IMPORT_MESSAGES', 10_000);
const SIZE = { users: Math.max(150, MESSAGES / 100),
    topics: Math.max(300, MESSAGES * 3 / 100), messages: MESSAGES };

/** Kills imports after random times until one ends by itself. Returns the
 *  number of kills and the last result. */
async function killUntilDone(double, store, mostMs, random) {
    let kills = 0;
    for (;;) {
        const child = startImport(double, store,
            { args: ['--timeout', '5s'], timeout: 600_000 });
        let isOver = false;
        child.ended.then(() => { isOver = true; });
        if (kills < KILLS) await sleep(random() * mostMs);
        if (kills < KILLS && !isOver) {
            child.kill('SIGKILL');
            const r = await child.ended;
            if (r.signal === 'SIGKILL') {
                kills++;
                continue;
            }
        }
        return { kills, r: await child.ended };
    }
}

test(`an import killed ${KILLS} times leaves the store of an undisturbed one`,
    async (t) => {
        const quiet = await startDouble(t, sampleWorld(SIZE));
        const first = emptyStore(t);
        const { ms } = await mustImport(first, quiet,
            { code: 4, timeout: 600_000 });
        await assertImported(first, quiet.world);
        const want = dumpText(first);
        const random = makeRandom(setting('GODWIT_IMPORT_SEED', 11));

        // times of a fraction of the whole: most runs are killed at work
        let kills = 0;
        let share = 0.2;
        while (kills < KILLS) {
            const world = sampleWorld(SIZE);
            const double = await startDouble(t, world,
                { faults: { rate: 0.02, seed: kills + 1 } });
            const store = emptyStore(t);
            const done = await killUntilDone(double, store, ms * share, random);

            kills += done.kills;
            share = Math.max(share / 2, 0.02);
            assert.equal(done.r.code, 4, describe(done.r));
            await assertImported(store, world);
            must(['verify'], { store });
            assertSameDump(dumpText(store), want, `after ${kills} kills`);
            await double.close();
            double.close = () => {};
        }
        t.diagnostic(`${kills} kills`);
    });
