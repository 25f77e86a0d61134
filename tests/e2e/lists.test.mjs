// SPDX-License-Identifier: Apache-2.0
// List changes that meet what is no list.
import path from 'node:path';
import test from 'node:test';

import { makeFolder, makeStore, sql, writeFiles } from '../lib/godwit.mjs';
import { assertListsAreTold, LIST_MIGRATIONS } from '../lib/lists.mjs';

test('a list change of what is no list is told, whatever rules make of it',
    (t) => {
        const folder = makeFolder(t);
        const store = makeStore(folder, []);
        const append = (fqid, data) => sql(store,
            'INSERT INTO positions (timestamp, user_id, migration_index)' +
            " VALUES ('2026-05-01T10:00:00+00:00', 0, 1);" +
            'INSERT INTO events (position, fqid, type, data, weight) VALUES (' +
            `(SELECT max(position) FROM positions), '${fqid}', 'listfields',` +
            ` '${data}', 1);`);
        assertListsAreTold(store, writeFiles(path.join(folder, 'migrations'),
            LIST_MIGRATIONS), append, (text) => sql(store, text));
    });
