// SPDX-License-Identifier: Apache-2.0
// A system that does not play along: full disks, read-only folders, output
// that cannot be written. Mounting needs root; GODWIT_NO_MOUNT=1 leaves
// those tests out.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { assertRefused, assertSameDump, copyStore, describe, dump, dumpText,
    isSanitized, live, makeFolder, makeStore, must, run, sha256, shell,
    writeFiles } from '../lib/godwit.mjs';
import { generate, MIGRATIONS } from '../lib/generate.mjs';

const isRoot = process.getuid() === 0;
const NOBODY = 65534;
const mounts = process.env.GODWIT_NO_MOUNT
    ? { skip: 'GODWIT_NO_MOUNT is set' } : {};

function mount(t, args, folder) {
    const r = spawnSync('mount', [...args, folder], { encoding: 'utf8' });
    assert.equal(r.status, 0, `mount ${args.join(' ')}: ${r.stderr ?? ''}` +
        ' (this test needs root; GODWIT_NO_MOUNT=1 leaves it out)');
    // before the folder is removed: hooks run in the order they were made
    return () => {
        const u = spawnSync('umount', [folder], { encoding: 'utf8' });
        assert.equal(u.status, 0, u.stderr);
    };
}

function migrationsIn(folder) {
    return writeFiles(path.join(folder, 'migrations'), MIGRATIONS);
}

/** What finalize makes of a store, on a disk that is large enough. */
function finalized(store, migrations, folder) {
    const copy = copyStore(store, path.join(folder, 'copy.db'));
    must(['finalize'], { store: copy, migrations });
    return dumpText(copy);
}

test('on a full disk migrate and finalize stop, and go on when there is room',
    mounts, (t) => {
        const folder = makeFolder(t);
        const migrations = migrationsIn(folder);
        const source = makeStore(folder, generate(3000), 'source.db');
        const want = finalized(source, migrations, folder);
        const before = live(dump(source));
        const size = fs.statSync(source).size;
        const disk = path.join(folder, 'disk');
        fs.mkdirSync(disk);
        const stages = [0.05, 0.2, 0.5, 0.8];
        let stops = 0;
        const unmount = mount(t, ['-t', 'tmpfs', '-o',
            `size=${Math.ceil(size * (1 + stages[0]))}`, 'tmpfs'], disk);
        try {
            const store = copyStore(source, path.join(disk, 'store.db'));
            for (const room of stages) {
                mount(t, ['-o', `remount,size=${
                    Math.ceil(size * (1 + room))}`], disk);
                for (const command of ['migrate', 'finalize']) {
                    const r = run([command, '--quiet', '--batch', '64KiB'],
                        { store, migrations });
                    // with the log cleared, migrate may just fit at last
                    if (r.code === 0 && command === 'migrate') continue;
                    assertRefused(r, 3, /full|space/i);
                    stops++;
                }
            }
            assert.ok(stops > stages.length);
            mount(t, ['-o', 'remount,size=512m'], disk);
            assertSameDump(live(dump(store)), before, 'live tables');
            must(['migrate'], { store, migrations });
            must(['finalize'], { store, migrations });
            assertSameDump(dumpText(store), want, 'with room again');
            must(['verify'], { store, migrations });
        } finally {
            unmount();
        }
    });

test('load on a full disk keeps whole positions and goes on later', mounts,
    (t) => {
        const folder = makeFolder(t);
        const lines = generate(2000);
        const want = dumpText(makeStore(folder, lines, 'want.db'));
        const disk = path.join(folder, 'disk');
        fs.mkdirSync(disk);
        const unmount = mount(t, ['-t', 'tmpfs', '-o', 'size=600k', 'tmpfs'],
            disk);
        try {
            const store = makeStore(disk, []);
            const r = run(['load', '-', '--quiet'],
                { store, input: lines.join('\n') + '\n' });
            assertRefused(r, 3, /full|space/i);
            mount(t, ['-o', 'remount,size=512m'], disk);
            const n = dump(store).positions.length;
            assert.ok(n < lines.length);
            must(['load', '-'], { store,
                input: lines.slice(n).join('\n') + '\n' });
            assertSameDump(dumpText(store), want, 'with room again');
        } finally {
            unmount();
        }
    });

test('init on a full disk is refused', mounts, (t) => {
    const folder = makeFolder(t);
    const disk = path.join(folder, 'disk');
    fs.mkdirSync(disk);
    const unmount = mount(t, ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs'], disk);
    try {
        const r = run(['init', '--quiet'],
            { store: path.join(disk, 'store.db') });
        assertRefused(r, 3, /full|space/i);
        mount(t, ['-o', 'remount,size=64m'], disk);
        fs.rmSync(path.join(disk, 'store.db'), { force: true });
        must(['init'], { store: path.join(disk, 'store.db') });
    } finally {
        unmount();
    }
});

test('a file that may not grow is reported, and nothing is lost', (t) => {
    const folder = makeFolder(t);
    const migrations = migrationsIn(folder);
    const source = makeStore(folder, generate(1500), 'source.db');
    const want = finalized(source, migrations, folder);
    const before = live(dump(source));
    const blocks = Math.ceil(fs.statSync(source).size / 512);
    const store = path.join(folder, 'store.db');

    for (const share of [0.05, 0.3, 0.7, 1.1]) {
        copyStore(source, store);
        for (const command of ['migrate', 'finalize']) {
            const r = shell(`trap '' XFSZ; ulimit -f ` +
                `${Math.floor(blocks * share)}; exec "$GODWIT" ${command} ` +
                '--quiet --store "$STORE" --migrations "$MIGRATIONS" ' +
                '--batch 64KiB',
            { env: { STORE: store, MIGRATIONS: migrations } });
            assertRefused(r, 3, /\S/);
        }
        assertSameDump(live(dump(store)), before, 'live tables');
        must(['finalize'], { store, migrations });
        assertSameDump(dumpText(store), want, 'afterwards');
    }
});

/** Commands that write are refused with a reason; those that only read give
 *  what they should or are refused too (SQLite wants to write beside the
 *  file to read it); nothing changes. */
function assertReadOnly(store, migrations, uid, want) {
    const before = sha256(store);
    for (const command of ['migrate', 'finalize', 'reset', 'rollback',
        'discard', 'clear-collectionfield-tables', 'load -']) {
        const r = run([...command.split(' '), '--quiet'],
            { store, migrations, uid, input: '{"events":[]}\n' });
        assertRefused(r, 3,
            /read-?only|not writable|permission|cannot be written/i);
    }
    for (const command of [['dump'], ['export'], ['stats', '--json'],
        ['verify'], ['preview']]) {
        const r = run([...command, '--quiet'], { store, migrations, uid });
        if (r.code !== 0) assertRefused(r, 3, /rights|read-?only/i);
        else if (command[0] === 'dump') assertSameDump(r.out, want, 'dump');
    }
    assert.equal(sha256(store), before);
}

test('a store on a read-only file system is not touched',
    mounts, (t) => {
        const folder = makeFolder(t);
        const migrations = migrationsIn(folder);
        const disk = path.join(folder, 'disk');
        fs.mkdirSync(disk);
        const unmount = mount(t, ['-t', 'tmpfs', '-o', 'size=32m', 'tmpfs'],
            disk);
        try {
            const store = makeStore(disk, generate(100));
            const want = dumpText(store);
            mount(t, ['-o', 'remount,ro'], disk);
            assertReadOnly(store, migrations, 0, want);
            const r = run(['init', '--quiet'],
                { store: path.join(disk, 'new.db') });
            assertRefused(r, 3, /read-?only/i);
            mount(t, ['-o', 'remount,rw'], disk);
            must(['finalize'], { store, migrations });
        } finally {
            unmount();
        }
    });

for (const [what, fileMode, folderMode] of [
    ['file', 0o444, 0o777], ['folder', 0o666, 0o555],
    ['file and folder', 0o444, 0o555]]) {
    test(`a ${what} without the right to write is not touched`,
        (t) => {
            const folder = makeFolder(t);
            fs.chmodSync(folder, 0o755);
            const migrations = migrationsIn(folder);
            const place = path.join(folder, 'place');
            fs.mkdirSync(place);
            const store = makeStore(place, generate(100));
            const want = dumpText(store);
            for (const name of fs.readdirSync(place)) {
                fs.chmodSync(path.join(place, name), fileMode);
            }
            fs.chmodSync(place, folderMode);
            try {
                assertReadOnly(store, migrations, isRoot ? NOBODY : 0, want);
            } finally {
                fs.chmodSync(place, 0o755);
            }
        });
}

test('a store that may not be read is refused', (t) => {
    const folder = makeFolder(t);
    fs.chmodSync(folder, 0o755);
    const migrations = migrationsIn(folder);
    const store = makeStore(folder, generate(10));
    fs.chmodSync(store, 0);

    for (const command of ['stats', 'dump', 'migrate', 'finalize', 'verify']) {
        const r = run([command, '--quiet'],
            { store, migrations, uid: isRoot ? NOBODY : 0 });
        assertRefused(r, 3, 'store.db', /permission|not readable|rights/i);
    }
});

test('a migrations folder that is missing or may not be read is named', (t) => {
    const folder = makeFolder(t);
    fs.chmodSync(folder, 0o755);
    const migrations = migrationsIn(folder);
    const store = makeStore(folder, generate(10));
    fs.chmodSync(migrations, 0);

    for (const [where, uid] of [[migrations, isRoot ? NOBODY : 0],
        [path.join(folder, 'none'), 0], [store, 0]]) {
        const r = run(['stats', '--quiet'],
            { store, migrations: where, uid });
        assertRefused(r, 2, path.basename(where));
    }
});

// ---- output

const OUTPUT = ['dump', 'export', 'export --models', 'stats', 'stats --json',
    '--help', 'migrate --help', '--version', 'check', 'preview', 'man'];

test('a full standard output is an error with one message', (t) => {
    const folder = makeFolder(t);
    const migrations = migrationsIn(folder);
    const store = makeStore(folder, generate(300));
    const env = { GODWIT_STORE: store, GODWIT_MIGRATIONS: migrations };

    for (const command of OUTPUT) {
        const quiet = /help|version|man/.test(command) ? '' : '--quiet';
        const r = shell(`"$GODWIT" ${command} ${quiet} >/dev/full`, { env });
        assertRefused(r, [1, 3], /output|space/i);
    }
});

test('a closed standard output is an error and harms no store', (t) => {
    const folder = makeFolder(t);
    const migrations = migrationsIn(folder);
    const source = makeStore(folder, generate(300), 'source.db');
    const want = finalized(source, migrations, folder);
    const store = copyStore(source, path.join(folder, 'store.db'));
    const env = { GODWIT_STORE: store, GODWIT_MIGRATIONS: migrations };

    for (const command of OUTPUT) {
        const quiet = /help|version|man/.test(command) ? '' : '--quiet';
        const r = shell(`"$GODWIT" ${command} ${quiet} >&-`, { env });
        assertRefused(r, [1, 3], /output|descriptor/i);
    }
    for (const closed of ['>&-', '2>&-', '<&-', '>&- 2>&- <&-']) {
        copyStore(source, store);
        for (const command of ['migrate --verbose', 'finalize --json']) {
            const r = shell(`"$GODWIT" ${command} ${closed}`, { env });
            assert.ok(r.signal === null && [0, 1, 3].includes(r.code),
                `${command} ${closed}: ${describe(r)}`);
        }
        must(['finalize'], { store, migrations });
        assertSameDump(dumpText(store), want, closed);
    }
});

test('a reader that goes away ends the output without a crash', (t) => {
    const folder = makeFolder(t);
    const store = makeStore(folder, generate(3000));

    for (const command of ['dump', 'export', 'export --models']) {
        const r = shell(`("$GODWIT" ${command} --quiet; echo $? >&2) | ` +
            'head -c 100 >/dev/null', { env: { GODWIT_STORE: store } });
        const lines = r.err.trim().split('\n');
        const status = Number(lines.pop());
        // 128 + SIGPIPE is how other programs end here
        assert.ok([1, 3, 141].includes(status), describe(r));
        assert.ok(lines.length <= 1, describe(r));
    }
});

test('messages that cannot be written stop nothing', (t) => {
    const folder = makeFolder(t);
    const migrations = migrationsIn(folder);
    const store = makeStore(folder, generate(300));
    const env = { GODWIT_STORE: store, GODWIT_MIGRATIONS: migrations };

    const r = shell('"$GODWIT" migrate --verbose 2>/dev/full >/dev/null && ' +
        '"$GODWIT" finalize --verbose 2>/dev/full >/dev/null', { env });

    assert.equal(r.code, 0, describe(r));
    must(['verify'], { store, migrations });
});

test('a program with little memory to map ends in a message', (t) => {
    if (isSanitized) {
        t.skip('sanitizers need the address space');
        return;
    }
    const folder = makeFolder(t);
    const migrations = migrationsIn(folder);
    const store = makeStore(folder, generate(3000));
    const want = finalized(store, migrations, folder);

    for (const kib of [12_000, 20_000, 40_000, 80_000]) {
        const r = shell(`ulimit -v ${kib}; "$GODWIT" migrate --quiet`, { env:
            { GODWIT_STORE: store, GODWIT_MIGRATIONS: migrations } });
        assert.equal(r.timedOut, false);
        assert.notEqual(r.signal, 'SIGSEGV', `${kib} KiB`);
        assert.notEqual(r.code, 139, `${kib} KiB: ${describe(r)}`);
        if (r.code !== 0) assert.match(r.err, /\S/, `${kib} KiB`);
    }
    must(['finalize'], { store, migrations });
    assertSameDump(dumpText(store), want, 'afterwards');
});
