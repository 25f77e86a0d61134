// SPDX-License-Identifier: Apache-2.0
// List changes that meet what is no list.
import { test } from 'node:test';

import { makeFolder, must } from '../lib/godwit.mjs';
import { assertEditIsTold, assertListsAreTold, EDITS } from '../lib/lists.mjs';
import { makeDatabase, sql } from '../lib/postgres.mjs';

function open(t) {
    const store = makeDatabase(t);
    must(['init'], { store });
    return { store, folder: makeFolder(t), sql: (text) => sql(store, text) };
}

test('a list change of what is no list is told, whatever rules make of it',
    (t) => assertListsAreTold(open(t)));

for (const edit of EDITS) {
    test(`--keep-migrated: ${edit.what}`, (t) =>
        assertEditIsTold(open(t), edit));
}
