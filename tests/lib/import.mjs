// SPDX-License-Identifier: Apache-2.0
// What the tests of the import share: running it, its report, its store.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

import { describe, dump, makeFolder, must, start } from './godwit.mjs';

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
    const file = `${store}-report-${process.hrtime.bigint()}.json`;
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

/** The keys of the report's items of one reason and collection. */
export function reported(r, reason, collection) {
    return (r.report.items[reason] ?? [])
        .filter((item) => !collection || item.collection === collection);
}

/** What the store holds, as text: the same for the same import. */
export function contentOf(store) {
    return dump(store);
}
