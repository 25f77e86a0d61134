// SPDX-License-Identifier: Apache-2.0
// Models are saved in several transactions, so that an application need not
// wait for all of them. Killed in the middle of that, a run goes on from what
// was saved before.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import { assertSameDump, copyStore, dumpText, makeFolder, makeStore, must,
    sql, start, waitFor, writeFiles } from '../lib/godwit.mjs';

const MODELS = 60_000;
const EACH = 200; // models of a position
const MIGRATE = ['migrate', '--quiet', '--keyframe-events', String(MODELS)];

/** Counts the edits in the model, so that a level is not what the next is:
 *  with a model of another moment the counts would be others. */
const MIGRATIONS = {
    '0002_edits.lua': `
local migration = { type = "event" }
function migration.migrate_event(event, ctx)
  if event.type == "update" then
    local model = ctx.new:get_model(event.fqid)
    event.data.edits = (model.edits or 0) + 1
    return { event }
  end
end
return migration
`,
};

/** Every model is made, changed, and changed again. */
function* positions() {
    for (let round = 0; round < 3; round++) {
        for (let id = 1; id <= MODELS; id += EACH) {
            yield { user_id: 1, events: Array.from({ length: EACH },
                (_, i) => ({
                    type: round ? 'update' : 'create',
                    fqid: `note/${id + i}`,
                    data: { text: `${round} of ${id + i}` },
                })) };
        }
    }
}

function prepare(t) {
    const folder = makeFolder(t);
    const migrations = writeFiles(path.join(folder, 'migrations'), MIGRATIONS);
    const store = makeStore(folder, [...positions()]);
    const whole = copyStore(store, path.join(folder, 'whole.db'));
    must(MIGRATE, { store: whole, migrations });
    must(['finalize', '--quiet'], { store: whole, migrations });
    return { store, migrations, after: dumpText(whole) };
}

/** Kills a migrate as soon as the store shows `when`, an SQL condition. */
async function killWhen(when, { store, migrations }) {
    const child = start(MIGRATE, { store, migrations });
    const isNow = () =>
        sql(store, `.timeout 5000\nSELECT ${when};`) === '1\n';
    await waitFor(isNow, when);
    child.kill('SIGKILL');
    assert.equal((await child.ended).signal, 'SIGKILL');
    return isNow();
}

test('a run killed while it saves models goes on from the save before',
    async (t) => {
        const s = prepare(t);
        assert.ok(await killWhen('(SELECT count(*) FROM godwit_models) > 0' +
            ' AND NOT EXISTS (SELECT 1 FROM migration_keyframes)', s),
        'the first save is not over');
        const unsaved = 'EXISTS (SELECT 1 FROM godwit_unsaved WHERE ' +
            'keyframe_position = (SELECT position FROM migration_keyframes)';
        assert.ok(await killWhen(unsaved + ')', s),
            'the second save is not over');
        assert.ok(await killWhen(
            unsaved + ' AND data LIKE \'%"edits":1%\')', s),
        'the third save is not over');
        must(MIGRATE, s);
        assert.equal(sql(s.store, 'SELECT count(*) FROM godwit_unsaved;'),
            '0\n');
        must(['finalize', '--quiet'], s);
        assertSameDump(dumpText(s.store), s.after, 'after finalize');
        must(['verify', '--quiet'], s);
    });
