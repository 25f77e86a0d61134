// SPDX-License-Identifier: Apache-2.0
// What the tests of the import share: running it, its report, its store.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { describe, makeFolder, must, start } from './godwit.mjs';

import { expected } from './wukongim/expected.mjs';

export { assertImported, readModels } from './wukongim/compare.mjs';

/** An empty store in a folder of the test's own. */
export function emptyStore(t, name = 'store.db') {
    const store = path.join(makeFolder(t), name);
    must(['init'], { store });
    return store;
}

/** Starts an import; the child's `ended` also gives the report. */
export function startImport(source, store, { args = [], report = true,
    ...options } = {}) {
    const file = path.join(os.tmpdir(),
        `godwit-report-${process.pid}-${process.hrtime.bigint()}.json`);
    const child = start(['import', 'wukongim', '--source',
        source.url ?? source, '--timeout', '2s',
        ...(report ? ['--report', file] : []), ...args],
    { store, ...options });
    const { ended } = child;
    child.ended = ended.then((r) => {
        if (fs.existsSync(file)) {
            r.reportText = fs.readFileSync(file, 'utf8');
            r.report = JSON.parse(r.reportText);
            fs.rmSync(file);
        }
        return r;
    });
    return child;
}

export function importInto(store, source, options) {
    return startImport(source, store, options).ended;
}

/** Imports; fails unless it ends with this exit status (0 or 4). */
export async function mustImport(store, source, { code = 0, ...options } =
{}) {
    const r = await importInto(store, source, options);
    assert.equal(r.code, code, `import: ${describe(r)}`);
    return r;
}

/** The models that are expected of a world as positions for `load`. */
export function asPositions(world, change = (m) => m) {
    const ids = new Map();
    const idOf = (collection, key) => {
        const name = `${collection} ${key}`;
        if (!ids.has(name)) ids.set(name, ids.size + 1);
        return ids.get(name);
    };
    const lines = [];
    for (const [collection, key, fields] of expected(world).models()) {
        const m = change({ ...fields, id: idOf(collection, key) }, collection);
        if (!m) continue;
        if (m.user_id) m.user_id = idOf('user', m.user_id);
        if (m.channel_ref) m.channel_ref = idOf('channel', m.channel_ref);
        m.device_ids &&= m.device_ids.map((k) => idOf('device', k));
        const data = JSON.stringify(m).replace(
            /("message_id":)"([0-9]+)"/, '$1$2');
        lines.push(`{"events":[{"fqid":"${collection}/${m.id}",` +
            `"type":"create","data":${data}}]}`);
    }
    return lines;
}

/** The keys of the report's items of one reason and collection. */
export function reported(r, reason, collection) {
    return (r.report.items[reason] ?? [])
        .filter((item) => !collection || item.collection === collection);
}
