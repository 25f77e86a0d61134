// SPDX-License-Identifier: Apache-2.0
// Models that do not fit into memory.
import { test } from 'node:test';

import { load, makeFolder, must, writeFiles } from '../lib/godwit.mjs';
import { assertSameInLittleMemory, LARGE_MIGRATIONS, largePositions }
    from '../lib/large.mjs';
import { makeDatabase } from '../lib/postgres.mjs';

test('models that do not fit into memory are fetched again', (t) => {
    const store = makeDatabase(t);
    must(['init'], { store });
    load(store, largePositions());
    assertSameInLittleMemory(store, writeFiles(makeFolder(t),
        LARGE_MIGRATIONS));
});
