// SPDX-License-Identifier: Apache-2.0
// Servers that are killed, fail over, fill their disk, or want TLS.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { assertSameDump, dumpText, load, makeFolder, makeRandom, must, run,
    setting, sleep, start, writeFiles } from '../lib/godwit.mjs';
import { sql } from '../lib/postgres.mjs';
import { freePort, makeServer } from '../lib/postgres_server.mjs';

const MIGRATIONS = {
    '0002_rename.json': { rules: [
        { rename_field: { collection: 'thing', from: 'old', to: 'new' } }] },
    '0003_mark.lua': `local migration = { type = "event" }
function migration.migrate_event(event)
  if event.id % 10 == 0 and event.data then
    event.data.mark = true
    return { event }
  end
end
return migration
`,
};
const SMALL = ['--batch', '16KiB', '--keyframe-events', '700'];

function makeStore(server, positions = 2000) {
    const store = server.uri('store');
    sql(server.uri(), 'CREATE DATABASE store;');
    must(['init'], { store });
    load(store, Array.from({ length: positions }, (_, i) => ({ events: [
        { fqid: `thing/${i + 1}`, type: 'create', data: { old: i } },
        ...(i > 0 ? [{ fqid: `thing/${i}`, type: 'update',
            data: { old: -i, more: 'x'.repeat(100) } }] : [])] })));
    sql(store, 'CHECKPOINT;');
    return store;
}

/** What an undisturbed run makes of it, and how long that takes. */
function undisturbed(server, migrations) {
    sql(server.uri(), 'CREATE DATABASE other TEMPLATE store;');
    const begin = performance.now();
    must(['finalize', ...SMALL], { store: server.uri('other'), migrations });
    const ms = Math.ceil(performance.now() - begin);
    return { want: dumpText(server.uri('other')), ms };
}

test('a server killed at random moments, whole or one process of it',
    async (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const server = await makeServer(t, ['max_wal_size=4GB']);
    const store = makeStore(server);
    const { want, ms } = undisturbed(server, migrations);
    const random = makeRandom(setting('SEED', 11));
    const wanted = setting('SERVER_KILLS', 5);

    let rounds = 0, kills = 0, generations = 0;
    for (; kills < wanted && rounds < 10 * wanted; rounds++) {
        const i = rounds;
        const child = start([i % 3 ? 'finalize' : 'migrate', ...SMALL],
            { store, migrations });
        await sleep(random.below(ms));
        const backends = server.backends();
        if (i % 2 && backends.length > 0) {
            process.kill(backends[random.below(backends.length)], 'SIGKILL');
            await child.ended;
            await server.answers();
        } else {
            await server.kill('SIGKILL');
            await child.ended;
            await server.start();
        }
        const r = await child.ended;
        kills += r.code !== 0;
        if (r.code !== 0)
            assert.match(r.err, /run the command\s+again|cannot be reached/);
        // done before it was killed: begin anew
        const index = sql(store, 'SELECT max(migration_index) FROM positions;');
        if (index === '3\n') {
            assertSameDump(dumpText(store), want, `round ${i}`);
            must(['rollback'], { store, migrations });
            generations++;
        }
    }
    must(['finalize', ...SMALL], { store, migrations });

    t.diagnostic(`${rounds} rounds, ${kills} runs ended by it, ` +
        `${generations} cutovers before the last`);
    assert.equal(kills, wanted, 'killed too late');
    assertSameDump(dumpText(store), want, 'after the kills');
});

test('another host of the URI takes over, and the next run goes on',
    async (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const server = await makeServer(t);
    const first = server.port, second = await freePort();
    makeStore(server);
    const { want } = undisturbed(server, migrations);
    const store = `postgresql://godwit@127.0.0.1:${first},127.0.0.1:` +
        `${second}/store?target_session_attrs=read-write`;

    const child = start(['migrate', ...SMALL], { store, migrations });
    while (child.exitCode === null && server.backends().length < 3)
        await sleep(5);
    await server.kill('SIGKILL');
    const r = await child.ended;
    await server.start(second);

    assert.equal(r.code, 3, r.err);
    assert.match(r.err, /run the command\s+again/);
    must(['finalize', ...SMALL], { store, migrations });
    assertSameDump(dumpText(store), want, 'after the failover');
});

test('a full disk is told, and the next run goes on', async (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const server = await makeServer(t);
    const disk = fs.mkdtempSync(path.join(os.tmpdir(), 'godwit-disk-'));
    t.after(() => {
        spawnSync('umount', ['-l', disk]);
        fs.rmdirSync(disk);
    });
    const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=200k',
        'tmpfs', disk], { encoding: 'utf8' });
    if (mount.status !== 0) {
        t.skip(`no small disk can be mounted: ${mount.stderr}`);
        return;
    }
    const of = fs.statSync(server.folder);
    fs.chownSync(disk, of.uid, of.gid);
    const store = makeStore(server);
    const { want } = undisturbed(server, migrations);
    sql(store, `CREATE TABLESPACE small LOCATION '${disk}';`);
    sql(store, `ALTER DATABASE store SET default_tablespace = small;`);

    const r = run(['migrate', ...SMALL], { store, migrations });
    sql(store, 'ALTER DATABASE store RESET default_tablespace;');
    execFileSync('mount', ['-o', 'remount,size=100m', disk]);
    must(['migrate', ...SMALL], { store, migrations });
    must(['finalize', ...SMALL], { store, migrations });

    assert.equal(r.code, 3, r.err);
    assert.match(r.err, /disk is full; make\s+room and run/);
    assertSameDump(dumpText(store), want, 'after the full disk');
});

/** A CA, and a certificate by it for a name. */
function makeCertificates(folder, name) {
    const openssl = (...args) => execFileSync('openssl', args,
        { cwd: folder, stdio: 'pipe' });
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2',
        '-subj', '/CN=Test CA', '-keyout', 'ca.key', '-out', 'ca.crt');
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${name}`,
        '-keyout', 'server.key', '-out', 'server.csr');
    openssl('x509', '-req', '-in', 'server.csr', '-CA', 'ca.crt', '-CAkey',
        'ca.key', '-CAcreateserial', '-days', '2', '-out', 'server.crt');
}

test('TLS with verify-full takes the right certificate only', async (t) => {
    const migrations = writeFiles(makeFolder(t), MIGRATIONS);
    const server = await makeServer(t);
    makeStore(server, 20);
    makeCertificates(server.folder, 'localhost');
    const of = fs.statSync(server.folder);
    for (const file of ['server.key', 'server.crt']) {
        fs.copyFileSync(path.join(server.folder, file),
            path.join(server.data, file));
        fs.chmodSync(path.join(server.data, file), 0o600);
        fs.chownSync(path.join(server.data, file), of.uid, of.gid);
    }
    fs.writeFileSync(path.join(server.data, 'pg_hba.conf'),
        'hostssl all all 127.0.0.1/32 trust\n');
    await server.kill('SIGQUIT');
    server.settings.push('ssl=on');
    await server.start();
    const uri = (host, options) => `postgresql://godwit@${host}:` +
        `${server.port}/store?${options}`;
    const ca = `sslrootcert=${path.join(server.folder, 'ca.crt')}`;

    const good = uri('localhost', `hostaddr=127.0.0.1&sslmode=verify-full&${ca}`);
    must(['migrate'], { store: good, migrations });
    must(['finalize'], { store: good, migrations });
    const otherName = run(['stats'], { migrations,
        store: uri('127.0.0.1', `sslmode=verify-full&${ca}`) });
    const plain = run(['stats'], { migrations,
        store: uri('127.0.0.1', 'sslmode=disable') });

    assert.equal(otherName.code, 3);
    assert.match(otherName.err, /does not match host name/);
    assert.equal(plain.code, 3);
    assert.match(plain.err, /cannot be reached.*no encryption/);
});
