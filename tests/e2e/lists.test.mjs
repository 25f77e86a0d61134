// SPDX-License-Identifier: Apache-2.0
// List changes that meet what is no list.
import path from 'node:path';
import test from 'node:test';

import { makeFolder, makeStore, sql } from '../lib/godwit.mjs';
import { assertEditIsTold, assertListsAreTold, EDITS } from '../lib/lists.mjs';

function open(t) {
    const folder = makeFolder(t);
    const store = makeStore(folder, []);
    return { store, folder: path.join(folder, 'migrations'),
        sql: (text) => sql(store, text) };
}

test('a list change of what is no list is told, whatever rules make of it',
    (t) => assertListsAreTold(open(t)));

for (const edit of EDITS) {
    test(`--keep-migrated: ${edit.what}`, (t) =>
        assertEditIsTold(open(t), edit));
}
