// SPDX-License-Identifier: Apache-2.0
// The command line itself: help, misuse, options and variables, exit
// statuses, JSON forms, progress, signals, what happens to output that
// cannot be written. What the commands do to a store is in commands.test.mjs.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { assertRefused, cleanEnvironment, describe, dumpText, makeFolder,
    makeStore, must, needsSqlite3, repo, run, shell, sql, start, stats,
    waitFor, writeFiles } from '../lib/godwit.mjs';
import { generate } from '../lib/generate.mjs';

const COMMANDS = ['init', 'load', 'dump', 'export', 'migrate', 'finalize',
    'reset', 'stats', 'clear-collectionfield-tables', 'rollback', 'discard',
    'verify', 'preview', 'convert', 'new', 'check', 'serve', 'monitor', 'manage', 'help', 'completion',
    'man'];
const STATS = ['status', 'current_migration_index', 'target_migration_index',
    'positions', 'events', 'fully_migrated_positions',
    'partially_migrated_positions'];

const ADD_ACTIVE = { description: 'users get a state', rules: [
    { add_fields: { collection: 'user', fields: { is_active: true } } }] };
const FAILING = 'local m = { type = "event" }\n' +
    'function m.migrate_event(event) ' +
    'if event.id == 3 then error("three is too much") end end\n' +
    'return m\n';
/** Takes some ten milliseconds for every event. */
const SLOW = 'local m = { type = "event" }\n' +
    'function m.migrate_event(event)\n' +
    '  local n = 0\n' +
    '  for i = 1, 1500000 do n = n + i % 7 end\n' +
    '  event.data.n = n\n' +
    '  return { event }\n' +
    'end\n' +
    'return m\n';
/** Does not come back before its time limit. */
const STUCK = 'local m = { type = "event" }\n' +
    'function m.migrate_event(event) while true do end end\n' +
    'return m\n';

function users(n) {
    return Array.from({ length: n }, (_, i) => ({ events: [
        { fqid: `user/${i + 1}`, type: 'create', data: { name: `u${i}` } }] }));
}

function setUp(t, n = 5, files = { '0002_active.json': ADD_ACTIVE }) {
    const folder = makeFolder(t);
    return { folder, store: makeStore(folder, users(n)),
        migrations: writeFiles(path.join(folder, 'migrations'), files) };
}

function object(r) {
    assert.equal(r.out.split('\n').length, 2, `one line: ${r.out}`);
    return JSON.parse(r.out);
}

// ---- help and misuse

test('the overview lists every command within 24 lines of 80 columns', () => {
    const r = must(['--help']);

    const lines = r.out.trimEnd().split('\n');
    assert.ok(lines.length <= 24, `${lines.length} lines`);
    assert.ok(lines.every((l) => [...l].length <= 80));
    for (const command of COMMANDS) {
        const name = new RegExp(`^  (.*, )?${command}[ ,]`);
        assert.ok(lines.some((l) => name.test(l)), command);
    }
    assert.equal(must(['help']).out, r.out);
    assert.equal(r.err, '');
});

test('help of a command is the same by help, --help and -h', (t) => {
    const cwd = makeFolder(t);
    for (const command of COMMANDS) {
        const r = must([command, '--help'], { cwd });

        assert.ok(r.out.startsWith(`Usage: godwit ${command}`), r.out);
        assert.match(r.out, /--quiet/);
        assert.equal(must(['help', command], { cwd }).out, r.out);
        assert.equal(must(['-h', command], { cwd }).out, r.out);
    }
    assert.match(must(['migrate', '--help']).out, /--store URI/);
    assert.match(must(['migrate', '--help']).out, /GODWIT_STORE/);
    assert.deepEqual(fs.readdirSync(cwd), []);
});

test('wrong usage ends with 2 and one line that says what to do', (t) => {
    const cwd = makeFolder(t);
    const store = 'none.db';
    for (const [args, pattern] of [
        [[], /no command/],
        [['migrat'], /unknown command migrat; did you mean migrate\?/],
        [['frobnicate'], /unknown command frobnicate; see godwit --help/],
        [['help', 'xport'], /did you mean export/],
        [['stats', '--jsn'], /unknown option --jsn; did you mean --json\?/],
        [['stats', '--frobnicate'], /unknown option --frobnicate; see/],
        [['stats', '-x'], /unknown option -x/],
        [['stats', '--restart'], /--restart is no option of stats/],
        [['dump', '--models'], /--models is no option of dump/],
        [['stats', '--json=1'], /--json takes no value/],
        [['stats', '--migrations'], /--migrations needs a value/],
        [['stats', '--color', 'blue'], /--color: .*auto\|always\|never/],
        [['migrate', '--memory', '64MB'], /--memory: .*64MiB/],
        [['migrate', '--memory', '1KiB'], /--memory: must be 16MiB/],
        [['migrate', '--batch', '-3'], /--batch: /],
        [['migrate', '--lock-wait', '30'], /--lock-wait: .*30s/],
        [['migrate', '--restart', '--keep-migrated'], /cannot both/],
        [['migrate', '-v', '-q'], /cannot both/],
        [['stats', 'x'], /stats takes no arguments/],
        [['load'], /load needs FILE/],
        [['new'], /new needs NAME/],
        [['new', 'a', 'b'], /new takes one argument/],
        [['new', 'A-b'], /a-z, 0-9 and _/],
        [['completion', 'csh'], /bash\|zsh\|fish/],
        [['preview', '--position', 'x'], /--position: /],
        [['preview', '--limit', '0'], /--limit: must be 1 or more/],
        [['convert', '--from-index', '0'], /--from-index: must be 1/],
    ]) {
        const r = run(args, { cwd, ...(args.length ? { store } : {}) });

        assertRefused(r, 2, /^godwit: /, pattern);
        assert.equal(r.out, '', args.join(' '));
    }
    assert.deepEqual(fs.readdirSync(cwd), []);
});

test('without a store, or a folder of migrations, it says how to name one',
    (t) => {
        const cwd = makeFolder(t);

        assertRefused(run(['dump'], { cwd }), 2, '--store', 'GODWIT_STORE');
        assertRefused(run(['check'], { cwd }), 2, './migrations');
        assertRefused(run(['stats'], { cwd, store: 'x.db' }), 2,
            './migrations');
        const m = writeFiles(path.join(cwd, 'm'), {});
        assertRefused(run(['convert', '-q'], { cwd, migrations: m }), 2,
            '--from-index');
    });

test('misuse under --json is an object too', (t) => {
    const cwd = makeFolder(t);
    for (const args of [['migrat', '--json'], ['stats', '--json', '--nope'],
        ['stats', '--json', '--store', 'none.db', '--migrations', 'none']]) {
        const r = run(args, { cwd });

        assert.equal(r.code, 2, describe(r));
        const { success, message } = object(r);
        assert.equal(success, false);
        assert.equal(r.err, `godwit: ${message}\n`);
    }
});

test('the version is one line', () => {
    assert.match(must(['--version']).out, /^godwit \d+\.\d+\.\d+\n$/);
    assert.equal(must(['-V']).out, must(['stats', '--version']).out);
});

// ---- options and variables

test('options stand anywhere, and -- ends them', (t) => {
    const { folder, store, migrations } = setUp(t, 0);
    fs.writeFileSync(path.join(folder, '--odd.ndjson'), '{"events":[]}\n');

    must(['--quiet', '--store', store, 'load', '--json', '--',
        '--odd.ndjson'], { cwd: folder });

    assert.equal(stats(store, migrations).positions, 1);
    assert.match(must([`--store=${store}`, `--migrations=${migrations}`,
        'stats']).out, /^positions +1$/m);
});

test('variables stand in for options, which go before them', (t) => {
    const { folder, store, migrations } = setUp(t, 3);
    const env = { GODWIT_STORE: store, GODWIT_MIGRATIONS: migrations };

    assert.equal(JSON.parse(must(['stats', '--json'], { env }).out)
        .stats.positions, 3);
    assertRefused(run(['stats'], { env, store: path.join(folder, 'no.db') }),
        3, 'no.db');
    assertRefused(run(['migrate'], { env: { ...env, GODWIT_BATCH: 'big' } }),
        2, /^godwit: GODWIT_BATCH: /);
    // one that is not of this command does not matter
    must(['stats'], { env: { ...env, GODWIT_BATCH: 'big' } });
    // nor does one that is empty
    must(['migrate'], { env: { ...env, GODWIT_BATCH: '' } });
});

test('the default folder of migrations is ./migrations', (t) => {
    const { folder, store } = setUp(t);

    assert.match(must(['check'], { cwd: folder }).out, /0002_active\.json/);
    must(['migrate'], { cwd: folder, store });
    assert.match(must(['stats'], { cwd: folder, store }).out,
        /finalization_required/);
});

test('verify needs no migrations, unless a folder is named', (t) => {
    const { folder, store } = setUp(t);
    const cwd = path.join(folder, 'elsewhere');
    fs.mkdirSync(cwd);

    must(['verify'], { cwd, store });
    assertRefused(run(['verify', '-q'], { cwd, store, migrations: 'none' }), 2,
        'none');
});

test('a password is shown nowhere', (t) => {
    const folder = makeFolder(t);
    const file = path.join(folder, 'password');
    fs.writeFileSync(file, 'hunter/2 geheim\n');
    const uri = 'postgresql://me:hunter2geheim@127.0.0.1:1/none';
    const m = writeFiles(path.join(folder, 'm'), {});
    const database = { DATABASE_HOST: '127.0.0.1', DATABASE_PORT: '1',
        DATABASE_NAME: 'none', DATABASE_USER: 'me',
        DATABASE_PASSWORD_FILE: file };

    for (const [args, env] of [
        [['stats', '--json', '-v', '--store', uri], {}],
        [['stats', '--json', '-v'], { GODWIT_STORE: uri }],
        [['stats', '--json', '-v'], database],
        [['init', '-v'], database],
        [['stats', uri], {}],
        [[uri], {}],
        [['stats', `--sotre=${uri}`], {}],
    ]) {
        const r = run(args, { migrations: m, env });

        assert.notEqual(r.code, 0, describe(r));
        assert.doesNotMatch(r.out + r.err, /geheim/);
    }
});

test('a password file that is not there is named', (t) => {
    const m = writeFiles(path.join(makeFolder(t), 'm'), {});

    assertRefused(run(['stats'], { migrations: m, env: {
        DATABASE_HOST: 'db', DATABASE_USER: 'me',
        DATABASE_PASSWORD_FILE: '/nonexistent/pw' } }), 2,
    'DATABASE_PASSWORD_FILE', '/nonexistent/pw');
});

test('colours come only when wanted', (t) => {
    const cwd = makeFolder(t);
    const red = (args, env) =>
        run(['check', ...args], { cwd, env }).err.includes('\x1b[');

    assert.equal(red([]), false);
    assert.equal(red([], { NO_COLOR: '', TERM: 'xterm' }), false);
    assert.equal(red(['--color', 'always']), true);
    assert.equal(red(['--color=never']), false);
});

// ---- exit statuses

test('0 and a result, nothing else on standard output', (t) => {
    const { store, migrations } = setUp(t);

    const r = must(['stats'], { store, migrations });

    assert.match(r.out, /^status +migration_required /);
    assert.match(r.out, /^target migration index +2$/m);
    assert.equal(r.err, '');
});

test('1 when a migration fails, its message once on standard error', (t) => {
    const { store, migrations } = setUp(t, 5, { '0002_fail.lua': FAILING });

    const r = run(['migrate', '-q'], { store, migrations });

    assertRefused(r, 1, '0002_fail.lua', 'three is too much', 'position 3');
    assert.equal(r.err.split('three is too much').length, 2);
});

test('3 when the store is not there or another run holds it', async (t) => {
    const { folder, store, migrations } = setUp(t, 3,
        { '0002_stuck.lua': STUCK });
    assertRefused(run(['stats'], { migrations,
        store: path.join(folder, 'no.db') }), 3, 'no.db', 'godwit init');

    const child = start(['migrate', '--lua-timeout', '60s'],
        { store, migrations });
    t.after(() => child.kill('SIGKILL'));
    await waitFor(() => child.outText().includes('Migrating'),
        'the lock is taken');

    const r = run(['reset', '-q'], { store, migrations });

    assertRefused(r, 3, `${child.pid}`);
    child.kill('SIGKILL');
    await child.ended;
    must(['reset'], { store, migrations });
});

test('4 when verify finds a difference', needsSqlite3, (t) => {
    const { store, migrations } = setUp(t);
    must(['verify'], { store, migrations });
    sql(store, "delete from models where fqid = 'user/3';");

    const text = run(['verify'], { store, migrations });
    const json = run(['verify', '--json'], { store, migrations });

    assert.equal(text.code, 4, describe(text));
    assert.match(text.out, /user\/3/);
    assert.match(text.err, /^godwit: /m);
    assert.equal(json.code, 4);
    assert.ok(object(json).exception);
    assert.match(object(json).output, /user\/3/);
});

// ---- JSON

test('stats --json has the seven members', (t) => {
    const { store, migrations } = setUp(t);

    const o = object(must(['stats', '--json'], { store, migrations }));

    assert.deepEqual(Object.keys(o), ['success', 'stats']);
    assert.equal(o.success, true);
    assert.deepEqual(Object.keys(o.stats).sort(), [...STATS].sort());
});

test('commands that change the store give success, status and output', (t) => {
    const { store, migrations } = setUp(t);
    const all = { store, migrations };
    for (const [command, status] of [
        ['migrate', 'finalization_required'],
        ['reset', 'migration_required'],
        ['finalize', 'no_migration_required'],
        ['rollback', 'migration_required'],
        ['finalize', 'no_migration_required'],
        ['discard', 'no_migration_required'],
        ['clear-collectionfield-tables', 'no_migration_required'],
        ['verify', 'no_migration_required'],
    ]) {
        const o = object(must([command, '--json'], all));

        assert.deepEqual(Object.keys(o), ['success', 'status', 'output']);
        assert.equal(o.success, true);
        assert.equal(o.status, status, command);
        assert.match(o.output, /^([^\n]+\n)*$/);
    }
});

test('a failed command gives its exception, message and status', (t) => {
    const { store, migrations } = setUp(t, 5, { '0002_fail.lua': FAILING });
    for (const command of ['migrate', 'finalize']) {
        const r = run([command, '--json', '-q'], { store, migrations });

        assert.equal(r.code, 1, describe(r));
        const o = object(r);
        assert.equal(o.success, true);
        assert.equal(o.status, 'migration_required');
        assert.match(o.exception, /three is too much/);
        assert.equal(r.err, `godwit: ${o.exception}\n`);
    }
});

test('a store that cannot be opened gives success false', (t) => {
    const { folder, migrations } = setUp(t, 0);
    const store = path.join(folder, 'no.db');
    for (const command of ['migrate', 'stats', 'dump', 'export', 'preview']) {
        const r = run([command, '--json'], { store, migrations });

        assert.equal(r.code, 3, describe(r));
        assert.equal(object(r).success, false);
        assert.equal(r.err, `godwit: ${object(r).message}\n`);
    }
});

test('init, load, new, check and preview have JSON of their own', (t) => {
    const folder = makeFolder(t);
    const store = path.join(folder, 'a.db');
    const migrations = path.join(folder, 'm');

    assert.deepEqual(object(must(['init', '--json'], { store })),
        { success: true });
    const input = users(4).map((p) => JSON.stringify(p)).join('\n');
    assert.deepEqual(object(must(['load', '-', '--json'], { store, input })),
        { success: true, positions: 4, events: 4 });
    const again = run(['load', '-', '--json', '-q'], { store, input });
    assert.equal(again.code, 1);
    assert.match(object(again).message, /Model user\/1 already exists/);

    const made = object(must(['new', 'x', '--json', '-q'], { migrations }));
    assert.equal(made.path, `${migrations}/0002_x.json`);
    fs.writeFileSync(made.path, JSON.stringify(ADD_ACTIVE));
    const check = object(must(['check', '--json'], { migrations }));
    assert.equal(check.target_migration_index, 2);
    const { checksum, ...first } = check.migrations[0];
    assert.match(checksum, /^[0-9a-f]{64}$/);
    assert.deepEqual(first, { index: 2, type: 'event', kind: 'rules',
        file: '0002_x.json', description: 'users get a state' });

    const lines = must(['preview', '--json', '--limit', '2'],
        { store, migrations }).out.trimEnd().split('\n').map(JSON.parse);
    assert.deepEqual(lines.map((l) => l.position), [1, 2]);
});

// ---- new, check

test('new refuses a name that is there and overwrites nothing', (t) => {
    const cwd = makeFolder(t);
    const made = must(['new', 'first'], { cwd });
    assert.equal(made.out, './migrations/0002_first.json\n');
    const text = fs.readFileSync(path.join(cwd, made.out.trim()));

    assertRefused(run(['new', 'first'], { cwd }), 2, '0002_first.json');
    assertRefused(run(['new', 'first', '--lua'], { cwd }), 2, 'first');
    must(['new', 'second', '--lua'], { cwd });

    assert.deepEqual(fs.readdirSync(path.join(cwd, 'migrations')).sort(),
        ['0002_first.json', '0003_second.lua']);
    assert.deepEqual(fs.readFileSync(path.join(cwd, made.out.trim())), text);
});

test('what new writes is valid and changes nothing', (t) => {
    const { store, migrations, folder } = setUp(t, 3, {});
    must(['new', 'a'], { migrations });
    must(['new', 'b', '--lua'], { migrations });
    const r = must(['check'], { cwd: folder });
    assert.match(r.out, /^ +2 +event +rules +0002_a\.json/m);
    assert.match(r.out, /^ +3 +event +lua +0003_b\.lua/m);

    const before = JSON.parse(dumpText(store)).events;
    must(['finalize'], { store, migrations });

    assert.deepEqual(JSON.parse(dumpText(store)).events, before);
});

test('check of an empty folder says so', (t) => {
    const migrations = makeFolder(t);

    assert.equal(must(['check'], { migrations }).out, 'no migrations\n');
});

// ---- output that cannot be written

test('a full disk behind standard output ends with 3 and a message', (t) => {
    const { store, migrations } = setUp(t);
    const env = { S: store, M: migrations };
    for (const line of ['help', 'stats --store $S --migrations $M',
        'dump --store $S', 'export --store $S',
        'migrate -q --json --store $S --migrations $M']) {
        const r = shell(`exec $GODWIT ${line} >/dev/full`, { env });

        assertRefused({ ...r, timedOut: r.timedOut }, 3,
            /^godwit: .*No space left on device/);
    }
});

test('a reader that goes away ends an export with 3, not with a signal',
    (t) => {
        const folder = makeFolder(t);
        const store = makeStore(folder, generate(2000));

        const r = shell('{ $GODWIT export --store $S; echo $? >&2; } | ' +
            'head -c 1', { env: { S: store } });

        assert.equal(r.out, '{');
        assert.match(r.err, /^godwit: .*Broken pipe.*\n3\n$/);
    });

test('closed standard streams are not taken for the store', (t) => {
    const { store, migrations } = setUp(t);
    const env = { S: store, M: migrations };
    const before = dumpText(store);

    const r = shell('exec $GODWIT dump --store $S >&-', { env });
    shell('exec $GODWIT migrate --store $S --migrations $M <&- >&- 2>&-',
        { env });

    assert.equal(r.code, 3);
    assert.match(r.err, /^godwit: cannot write/);
    must(['reset'], { store, migrations });
    assert.equal(dumpText(store), before);
});

test('what a script logs cannot command the terminal', (t) => {
    const { store, migrations } = setUp(t, 1, { '0002_log.lua':
        'local m = { type = "event" }\n' +
        'function m.migrate_event(event) ' +
        'godwit.log("a\\27[2Jb \\226\\130\\172 c") end\n' +
        'return m\n' });

    const r = must(['migrate', '-q'], { store, migrations });

    assert.ok(r.out.includes('a\\x1b[2Jb € c\n'), r.out);
});

// ---- progress

test('progress comes as lines that are no terminal, and a summary', (t) => {
    const { store, migrations } = setUp(t, 150, { '0002_slow.lua': SLOW });

    const r = must(['migrate', '--batch', '1'], { store, migrations });

    const lines = r.err.trimEnd().split('\n');
    assert.ok(r.ms > 1000, `too quick to tell: ${r.ms} ms`);
    assert.ok(lines.length >= 2, r.err);
    assert.ok(lines.length <= 4 + r.ms / 1000, r.err);
    assert.match(r.err,
        /^migrate: \d+\.\d %, \d+\/150 positions, \d+ events\/s/m);
    assert.match(lines.at(-1),
        /^godwit: done: 150 positions, 150 events in .* s, \d+ events\/s$/);
    assert.doesNotMatch(r.err, /[\x1b\r]/);
    assert.doesNotMatch(r.out, /positions,/);
});

test('progress in a JSON log is one object a line', (t) => {
    const { store, migrations } = setUp(t, 150, { '0002_slow.lua': SLOW });

    const r = must(['migrate', '--batch', '1', '--log-format', 'json'],
        { store, migrations });

    const lines = r.err.trimEnd().split('\n').map((l) => JSON.parse(l));
    const progress = lines.filter((l) => l.msg === 'progress');
    assert.ok(progress.length >= 1, r.err);
    assert.equal(progress.at(-1).positions_total, 150);
    assert.ok(lines.every((l) => /^\d{4}-.*Z$/.test(l.ts)));
    assert.equal(lines.at(-1).msg, 'summary');
    assert.equal(lines.at(-1).positions, 150);
    assert.equal(lines.at(-1).cutover_ms, null);
});

test('--quiet leaves standard error empty', (t) => {
    const { store, migrations } = setUp(t, 5);

    assert.equal(must(['migrate', '-q'], { store, migrations }).err, '');
    assert.equal(must(['finalize', '-q'], { store, migrations }).err, '');
});

test('finalize tells how long writers were locked out', (t) => {
    const { store, migrations } = setUp(t, 5);

    const r = must(['finalize'], { store, migrations });

    assert.match(r.err, /writers locked out for \d+\.\d ms$/m);
});

test('a second migrate counts only what is new', (t) => {
    const { store, migrations } = setUp(t, 200);
    must(['migrate'], { store, migrations });
    must(['load', '-'], { store, input: '{"events":[]}\n{"events":[]}\n' });

    const r = must(['migrate'], { store, migrations });

    assert.match(r.err, /^godwit: done: 2 positions, 0 events/m);
});

const hasScript = spawnSync('script', ['--version']).status === 0;

test('on a terminal progress is one line that is drawn again',
    { skip: hasScript ? false : 'script(1) is not installed' }, (t) => {
        const { folder, store, migrations } = setUp(t, 100,
            { '0002_slow.lua': SLOW });
        const env = cleanEnvironment({ TERM: 'xterm', S: store,
            M: migrations, SHELL: '/bin/sh', GODWIT: process.env.GODWIT ??
            path.join(repo, 'build', 'dev', 'godwit') });

        const r = spawnSync('script', ['-qec', 'stty cols 60; exec $GODWIT ' +
            'migrate --batch 1 --store $S --migrations $M', '/dev/null'],
        { cwd: folder, env, encoding: 'utf8', timeout: 60_000 });

        assert.equal(r.status, 0, r.stderr);
        const drawn = r.stdout.split('\r').filter((l) =>
            l.includes('\x1b[K') && l.startsWith('migrate'));
        assert.ok(drawn.length >= 3, r.stdout);
        for (const line of drawn) {
            assert.ok(line.split('\x1b[K')[0].length < 60, line);
        }
        // wiped before what follows
        assert.match(r.stdout, /\r\x1b\[K[A-Za-z0-9]/);
        assert.doesNotMatch(r.stdout, /[^\r]\x1b\[K[^\r]/);
        assert.match(r.stdout, /^godwit: done: 100 positions/m);
    });

// ---- signals

test('the first interrupt stops at a safe place, and the next run goes on',
    async (t) => {
        const { folder, store, migrations } = setUp(t, 150,
            { '0002_slow.lua': SLOW });
        const other = makeStore(folder, users(150), 'other.db');

        for (const signal of ['SIGINT', 'SIGTERM']) {
            const child = start(['migrate', '--batch', '1'],
                { store, migrations });
            const before = stats(store, migrations).fully_migrated_positions;
            await waitFor(() => stats(store, migrations)
                .fully_migrated_positions > before, 'something is migrated');
            child.kill(signal);
            const r = await child.ended;

            assert.equal(r.signal, null, describe(r));
            assert.equal(r.code, 130, describe(r));
            assert.match(r.err, /^godwit: stopping at the next safe place/m);
        }
        const part = stats(store, migrations).fully_migrated_positions;
        assert.ok(part > 0 && part < 150, `${part} migrated`);
        must(['migrate'], { store, migrations });
        must(['finalize'], { store, migrations });
        must(['finalize'], { store: other, migrations });
        assert.equal(dumpText(store), dumpText(other));
    });

test('the second interrupt ends at once', async (t) => {
    const { store, migrations } = setUp(t, 3, { '0002_stuck.lua': STUCK });
    const child = start(['migrate', '--lua-timeout', '60s'],
        { store, migrations });
    t.after(() => child.kill('SIGKILL'));
    await waitFor(() => child.outText() !== '' || child.errText() !== '',
        'it runs');

    child.kill('SIGINT');
    await waitFor(() => child.errText().includes('stopping'), 'the first');
    const begin = performance.now();
    child.kill('SIGINT');
    const r = await child.ended;

    assert.equal(r.code, 130, describe(r));
    assert.ok(performance.now() - begin < 5000);
    must(['reset'], { store, migrations });
});

test('a command that has nothing to leave behind ends with the first',
    async (t) => {
        const { folder } = setUp(t, 0);
        const child = start(['convert', '--from-index', '1'],
            { migrations: path.join(folder, 'migrations'), feed: true });
        await new Promise((resolve) => setTimeout(resolve, 300));

        child.kill('SIGINT');
        const r = await child.ended;

        assert.equal(r.code, 130, describe(r));
        assert.equal(r.out, '');
    });

test('an interrupted load leaves whole positions', async (t) => {
    const { store, migrations } = setUp(t, 0);
    const child = start(['load', '-'], { store, feed: true });
    t.after(() => child.kill('SIGKILL'));
    child.stdin.on('error', () => {});
    child.stdin.write(users(100).map((p) => JSON.stringify(p)).join('\n') +
        '\n{"events":[{"fqid":"user/1000","ty');
    await new Promise((resolve) => setTimeout(resolve, 300));

    child.kill('SIGINT');
    await waitFor(() => child.errText().includes('stopping'), 'the first');
    child.kill('SIGINT');
    const r = await child.ended;

    assert.equal(r.code, 130, describe(r));
    must(['verify'], { store, migrations });
});

// ---- texts out of the tables

test('docs/cli.md is what the tables say', () => {
    assert.equal(must(['man', '--markdown']).out,
        fs.readFileSync(path.join(repo, 'docs', 'cli.md'), 'utf8'),
        'make it again: godwit man --markdown > docs/cli.md');
});

test('the manual page has every command and option', () => {
    const page = must(['man']).out.replaceAll('\\-', '-');

    assert.match(page, /^\.TH GODWIT 1 /);
    for (const command of COMMANDS) {
        assert.match(page, new RegExp(`^\\.B ${command}( |$)`, 'm'));
    }
    for (const option of must(['help', 'migrate']).out.match(/--[a-z-]+/g)) {
        assert.ok(page.includes(option), option);
    }
});

test('bash completes commands, options, values and files', (t) => {
    const folder = makeFolder(t);
    fs.writeFileSync(path.join(folder, 'data.ndjson'), '');
    fs.writeFileSync(path.join(folder, 'godwit.bash'),
        must(['completion', 'bash']).out);
    const complete = (...words) => {
        const r = spawnSync('bash', ['--norc', '-c', '. ./godwit.bash; ' +
            'COMP_WORDS=(godwit "$@"); COMP_CWORD=$#; _godwit; ' +
            'printf "%s\\n" "${COMPREPLY[@]}"', 'bash', ...words],
        { cwd: folder, encoding: 'utf8' });
        assert.equal(r.stderr, '');
        return r.stdout.trim().split('\n');
    };

    assert.deepEqual(complete('mig'), ['migrate']);
    assert.deepEqual(complete('migrate', '--rest'), ['--restart']);
    assert.deepEqual(complete('stats', '--rest'), ['']);
    assert.deepEqual(complete('stats', '--color', 'al'), ['always']);
    assert.deepEqual(complete('load', 'da'), ['data.ndjson']);
    assert.deepEqual(complete('help', 'fin'), ['finalize']);
    assert.deepEqual(complete('completion', 'z'), ['zsh']);
});

for (const shellName of ['zsh', 'fish']) {
    const isThere = spawnSync(shellName, ['--version']).status === 0;
    test(`${shellName} can read its completions`,
        { skip: isThere ? false : `${shellName} is not installed` }, (t) => {
            const file = path.join(makeFolder(t), 'completions');
            fs.writeFileSync(file, must(['completion', shellName]).out);

            const r = spawnSync(shellName, ['-n', file]);

            assert.equal(r.status, 0, r.stderr?.toString());
        });
}
