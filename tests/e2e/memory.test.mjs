// SPDX-License-Identifier: Apache-2.0
// Models that do not fit into memory.
import path from 'node:path';
import test from 'node:test';

import { makeFolder, makeStore, writeFiles } from '../lib/godwit.mjs';
import { assertSameInLittleMemory, LARGE_MIGRATIONS, largePositions }
    from '../lib/large.mjs';

test('models that do not fit into memory are fetched again', (t) => {
    const folder = makeFolder(t);
    assertSameInLittleMemory(makeStore(folder, largePositions()),
        writeFiles(path.join(folder, 'migrations'), LARGE_MIGRATIONS));
});
