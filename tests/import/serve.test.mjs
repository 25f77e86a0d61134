// SPDX-License-Identifier: Apache-2.0
// An import as a command of the server: the defects 19, 25 and 26 of the
// original importer (see defects.test.mjs), which are about what it tells.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { assertRefused, makeFolder, run, waitFor } from '../lib/godwit.mjs';
import { assertImported, emptyStore } from '../lib/import.mjs';
import { serve } from '../lib/server.mjs';
import { sampleWorld, startDouble, World } from '../lib/wukongim.mjs';

/** A server with no migrations. */
const serveImport = (t, store, ...args) => serve(t, { store, args,
    migrations: makeFolder(t) });

test('the token goes to the source of the server and to no other',
    async (t) => {
        const double = await startDouble(t, sampleWorld({ quirks: false,
            messages: 20 }), { token: 'hush' });
        const other = await startDouble(t, new World());
        const folder = makeFolder(t);
        const file = path.join(folder, 'token');
        fs.writeFileSync(file, 'hush\n');
        const p = { store: emptyStore(t), migrations: folder };
        const serving = ['serve', '--listen', '127.0.0.1:0', '--token-file',
            file];
        assertRefused(run(serving, p), 2, /--token-file needs --source/);
        assertRefused(run([...serving, '--source', 'ftp://x'], p), 2, /URL/);

        const server = await serveImport(t, p.store, '--token-file', file,
            '--source', double.url);
        const refused = await server.post({ cmd: 'import',
            source: other.url });
        assert.equal(refused.status, 400, refused.text);
        assert.match(refused.json.message, /--source/);
        assert.equal((await server.post({ cmd: 'import' })).status, 200);
        await server.untilEnded();

        const { status, last_err: error } = await server.result();
        assert.equal(status, 'completed', error);
        assert.equal(other.ledger.n, 0);
        assert.ok(double.ledger.n > 0);
    });

test('19. a source that nobody reaches does not keep the server from answering',
    async (t) => {
        const store = emptyStore(t);
        const dead = await startDouble(t, new World());
        const { url } = dead;
        await dead.close();
        dead.close = () => {};
        const server = await serveImport(t, store);

        const r = await server.post({ cmd: 'import', source: url });
        const result = await waitFor(async () => {
            const now = await server.result();
            return now.last_err ? now : null;
        }, 'the error is shown');

        assert.equal(r.status, 200, r.text);
        assert.equal(typeof result.last_err, 'string');
        assert.match(result.last_err, /refused|connect/i);
        assert.equal((await server.ask({ path: '/health' })).status, 200);
    });

test('25. last_err is the text of the error, step and try_count are true',
    async (t) => {
        const world = sampleWorld({ quirks: false, messages: 300, topics: 20 });
        const double = await startDouble(t, world);
        const store = emptyStore(t);
        const server = await serveImport(t, store);
        const order = double.faults.order('500', { times: 1e9,
            path: '/channel/messagesync' });

        await server.post({ cmd: 'import', source: double.url });
        const failing = await waitFor(async () => {
            const r = await server.result();
            return r.last_err && r.try_count > 1 ? r : null;
        }, 'it fails more than once');
        order.times = 0;
        await server.untilEnded();
        const after = await server.result();

        assert.equal(failing.status, 'running');
        assert.equal(failing.step, 'message');
        assert.match(failing.last_err, /messagesync.*500/);
        assert.ok(['completed', 'migrated'].includes(after.status),
            JSON.stringify(after));
        assert.equal(after.last_err, null);
        await assertImported(store, world);
    });

test('26. nothing is running where nothing was started, and what gave up has ' +
    'failed', async (t) => {
    const store = emptyStore(t);
    const double = await startDouble(t, new World(), { migrateApi: false });
    const server = await serveImport(t, store);

    const idle = await server.result();
    await server.post({ cmd: 'import', source: double.url });
    await server.untilEnded();
    const failed = await server.result();

    assert.notEqual(idle.status, 'running');
    assert.equal(failed.status, 'failed', JSON.stringify(failed));
    assert.match(failed.last_err, /404/);
});
