// SPDX-License-Identifier: Apache-2.0
// List changes that meet what is no list.
import { test } from 'node:test';

import { makeFolder, must, writeFiles } from '../lib/godwit.mjs';
import { assertListsAreTold, LIST_MIGRATIONS } from '../lib/lists.mjs';
import { makeDatabase, sql } from '../lib/postgres.mjs';

test('a list change of what is no list is told, whatever rules make of it',
    (t) => {
        const store = makeDatabase(t);
        must(['init'], { store });
        const append = (fqid, data) => sql(store,
            'INSERT INTO positions (timestamp, user_id, migration_index)' +
            ' VALUES (now(), 0, 1);' +
            'INSERT INTO events (position, fqid, type, data, weight) VALUES (' +
            `(SELECT max(position) FROM positions), '${fqid}', 'listfields',` +
            ` '${data}', 1);`);
        assertListsAreTold(store, writeFiles(makeFolder(t), LIST_MIGRATIONS),
            append, (text) => sql(store, text));
    });
