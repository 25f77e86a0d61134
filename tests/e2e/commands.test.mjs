// SPDX-License-Identifier: Apache-2.0
// What the commands promise to someone who uses them one after another:
// rollback, discard, second rounds, preview, convert, export and load,
// verify, new, check.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { assertRefused, assertSameDump, copyStore, describe, dump, dumpText,
    live, load, makeFolder, makeStore, must, needsSqlite3, run, sha256, sql,
    stats, writeFiles } from '../lib/godwit.mjs';
import { generate, MIGRATIONS } from '../lib/generate.mjs';
import { parse, print, rules, Store } from '../lib/oracle.mjs';

function setUp(t, n = 300) {
    const folder = makeFolder(t);
    const lines = generate(n);
    return { folder, lines, store: makeStore(folder, lines),
        migrations: writeFiles(path.join(folder, 'migrations'), MIGRATIONS) };
}

// ---- rollback and discard

test('rollback puts back what finalize replaced, and it can be done again',
    (t) => {
        const { store, migrations } = setUp(t);
        const before = dumpText(store);
        must(['migrate'], { store, migrations });
        must(['finalize'], { store, migrations });
        const after = dumpText(store);
        assert.notEqual(after, before);

        must(['rollback'], { store, migrations });
        assertSameDump(dumpText(store), before, 'after rollback');
        assert.equal(stats(store, migrations).status, 'migration_required');
        must(['verify'], { store, migrations });

        must(['finalize'], { store, migrations });
        assertSameDump(dumpText(store), after, 'finalize once more');
        must(['verify'], { store, migrations });
    });

test('rollback is refused when something was written since', (t) => {
    const { store, migrations } = setUp(t);
    must(['finalize'], { store, migrations });
    load(store, ['{"events":[]}']);
    const before = dumpText(store);

    assertRefused(run(['rollback', '--quiet'], { store, migrations }), 1,
        /written since|since/i);

    assert.equal(dumpText(store), before);
});

test('rollback is refused when there is nothing to put back', (t) => {
    const { store, migrations } = setUp(t);
    const before = dumpText(store);

    assertRefused(run(['rollback', '--quiet'], { store, migrations }), 1);
    must(['migrate'], { store, migrations });
    assertRefused(run(['rollback', '--quiet'], { store, migrations }), 1);
    must(['reset'], { store, migrations });

    assert.equal(dumpText(store), before);
});

test('after discard there is no way back, and the store stays as it is',
    (t) => {
        const { store, migrations } = setUp(t);
        must(['discard'], { store, migrations }); // nothing to do is fine
        must(['finalize'], { store, migrations });
        const after = dumpText(store);

        must(['discard'], { store, migrations });

        assertRefused(run(['rollback', '--quiet'], { store, migrations }), 1);
        assert.equal(dumpText(store), after);
        must(['discard'], { store, migrations });
        must(['verify'], { store, migrations });
    });

test('the way back leads to the generation just before', (t) => {
    const { folder, store, migrations } = setUp(t);
    must(['finalize'], { store, migrations });
    const next = writeFiles(path.join(folder, 'next'), { ...MIGRATIONS,
        '0006_more.json': { type: 'model', rules: [{ set_fields:
            { collection: 'user', fields: { checked: true } } }] } });
    must(['finalize'], { store, migrations: next });
    must(['rollback'], { store, migrations: next });
    assert.equal(stats(store, next).current_migration_index, 5);
    must(['verify'], { store, migrations: next });
});

test('a second and a third round each run only what is new', (t) => {
    const folder = makeFolder(t);
    const lines = generate(150);
    const store = makeStore(folder, lines);
    const reference = new Store();
    const positions = lines.map((line) => {
        const p = parse(line);
        return { ...p, position: Number(p.position.number) };
    });
    const files = {
        '0002_a.json': { rules: [{ rename_field:
            { collection: 'user', from: 'name', to: 'name_two' } }] },
        '0003_b.json': { rules: [{ rename_collection:
            { from: 'message', to: 'post' } }, { set_default:
            { collection: 'post', fields: { state: 'new' } } }] },
        '0004_c.json': { rules: [{ rename_field: { collection: 'user',
            from: 'name_two', to: 'name' } }, { drop_collection:
            { collection: 'draft' } }] },
    };
    const used = {};
    const list = [];
    reference.load(positions.map((p) => ({ ...p, migration_index: 1 })));

    for (const [i, [name, file]] of Object.entries(files).entries()) {
        used[name] = file;
        list.push(rules(parse(JSON.stringify(file))));
        const migrations = writeFiles(path.join(folder, `m${i}`), used);
        must(['migrate'], { store, migrations });
        must(['finalize'], { store, migrations });
        must(['verify'], { store, migrations });
        reference.finalize(list);
        assertSameDump(print(parse(dumpText(store))),
            print(reference.dump()), `round ${i + 1}`);
    }
});

// ---- reading commands

test('preview shows the changes and writes nothing', (t) => {
    const { store, migrations } = setUp(t, 100);
    const before = dumpText(store);
    const file = sha256(store);

    const all = must(['preview', '--limit', '5'], { store, migrations });
    assert.match(all.out, /username/);
    assert.match(all.out, /"name"|name/);
    const one = must(['preview', '--json', '--position', '10', '--limit',
        '3'], { store, migrations });
    const objects = one.out.trim().split('\n').map((l) => JSON.parse(l));
    assert.ok(objects.length >= 1 && objects.length <= 3 * 4);
    for (const o of objects) assert.ok(o.position >= 10, JSON.stringify(o));

    assert.equal(dumpText(store), before);
    assert.equal(sha256(store), file);
    must(['migrate'], { store, migrations });
    must(['preview'], { store, migrations });
    must(['finalize'], { store, migrations });
    must(['preview'], { store, migrations });
});

test('preview does not show what a migration only made anew', (t) => {
    const folder = makeFolder(t);
    const store = makeStore(folder, [1, 2, 3, 4].map((id) => ({ events: [
        { fqid: `a/${id}`, type: 'create', data: { s: 'x', n: 1.5, l: [] } },
    ] })));
    const migrations = writeFiles(path.join(folder, 'anew'), {
        '0002_anew.lua': `local n = 0
            return { type = "event",
            migrate_event = function(event)
                if event.type ~= "create" then return end
                n = n + 1
                local data = godwit.json.decode(godwit.json.encode(event.data))
                if n == 3 then data.odd = 1 end
                return { godwit.create(event.fqid, data) }
            end }` });

    const r = must(['preview', '--json'], { store, migrations });

    const shown = r.out.trim().split('\n').map((l) => JSON.parse(l));
    assert.equal(shown.length, 1);
    assert.match(JSON.stringify(shown[0].after), /"odd":1/);
});

test('preview stops at a failing migration with its message', (t) => {
    const { folder, store } = setUp(t, 20);
    const before = dumpText(store);
    const migrations = writeFiles(path.join(folder, 'bad'), { '0002_bad.lua':
        'return { type = "event", migrate_event = function(e) ' +
        'error("no way") end }' });

    assertRefused(run(['preview', '--quiet'], { store, migrations }), 1,
        '0002_bad.lua', 'no way');

    assert.equal(dumpText(store), before);
});

test('convert gives what migrating a store with these models gives', (t) => {
    const folder = makeFolder(t);
    const migrations = writeFiles(path.join(folder, 'm'), {
        '0002_a.json': { rules: [
            { rename_field: { collection: 'user', from: 'name', to: 'n' } },
            { add_fields: { collection: 'user', fields: { on: true } } },
            { rename_collection: { from: 'room', to: 'channel' } },
            { drop_collection: { collection: 'draft' } }] },
        '0003_b.lua': `return { type = "event", migrate_event =
            function(event)
              if event.collection == "user" then
                event.data.twice = event.data.number
                return { event, godwit.create(godwit.fqid("copy", event.id),
                  { of = event.fqid }) }
              end
            end }`,
        '0004_c.json': { type: 'model', rules: [{ set_fields:
            { collection: 'channel', fields: { open: false } } }] },
    });
    const models = '{"user/1":{"name":"a","number":9007199254740993},' +
        '"user/22":{"name":"\\u00e9","number":1.10},' +
        '"room/3":{"list":[],"object":{},"deep":[[{"x":null}]]},' +
        '"draft/1":{"x":1}}';

    const r = must(['convert', '--from-index', '1'],
        { migrations, input: models });

    const store = makeStore(folder, [`{"events":[${Object.entries(
        parse(models)).map(([fqid, data]) => `{"fqid":"${fqid}",` +
        `"type":"create","data":${print(data)}}`).join(',')}]}`]);
    must(['finalize'], { store, migrations });
    const want = Object.fromEntries(Object.entries(
        parse(dumpText(store)).models).map(([fqid, { data }]) => {
        delete data.meta_position;
        delete data.meta_deleted;
        return [fqid, data];
    }));
    assert.equal(print(parse(r.out)), print(want));
    // from the target there is nothing to do
    const same = must(['convert', '--from-index', '4'],
        { migrations, input: models });
    assert.equal(print(parse(same.out)), print(parse(models)));
    assertRefused(run(['convert', '--from-index', '5', '--quiet'],
        { migrations, input: models }), [1, 2]);
    assert.equal(print(parse(must(['convert', '--from-index', '1'],
        { migrations, input: '{}' }).out)), '{}');
});

test('export and load give the same store, before and after migrations',
    (t) => {
        const { folder, store, migrations } = setUp(t);

        for (const [i, command] of [null, 'migrate', 'finalize'].entries()) {
            if (command) must([command], { store, migrations });
            const { out } = must(['export'], { store });
            const copy = path.join(folder, `copy${i}.db`);
            must(['init'], { store: copy });
            must(['load', '-'], { store: copy, input: out });
            const want = live(parse(dumpText(store)));
            assert.equal(print(live(parse(dumpText(copy)))), print(want));
            assert.equal(must(['export'], { store: copy }).out, out);
            assert.equal(must(['export', '--models'], { store: copy }).out,
                must(['export', '--models'], { store }).out);
            must(['verify'], { store: copy, migrations });
        }
    });

test('export keeps a line a position whatever white space is in the store',
    needsSqlite3, (t) => {
        const { folder, store, migrations } = setUp(t, 30);
        const want = live(parse(dumpText(store)));
        sql(store, "update events set data = replace(replace(data, '{', '{' " +
            "|| char(10)), ',\"', ' ,' || char(13, 10, 9) || '\"') || " +
            "char(10) where type = 'create' and data not like '%\\%'; " +
            "update models set data = char(10) || data || char(10); update " +
            "positions set information = ' ' || information || char(10);");

        const { out } = must(['export'], { store });
        assert.equal(out.trim().split('\n').length, 30);
        const copy = path.join(folder, 'copy.db');
        must(['init'], { store: copy });
        must(['load', '-'], { store: copy, input: out });
        assert.equal(print(live(parse(dumpText(copy)))), print(want));
        assert.equal(print(live(parse(dumpText(store)))), print(want));
        const models = must(['export', '--models'], { store }).out;
        assert.equal(models.trim().split('\n').length,
            Object.keys(want.models).length);
        must(['verify'], { store, migrations });
        must(['finalize'], { store, migrations });
        must(['verify'], { store, migrations });
    });

test('export --models prints one model a line', (t) => {
    const { store } = setUp(t, 50);

    const lines = must(['export', '--models'], { store }).out
        .trim().split('\n').map((line) => JSON.parse(line));

    assert.equal(lines.length, Object.keys(dump(store).models).length);
});

test('dump does not depend on how the store was written', needsSqlite3,
    (t) => {
        const folder = makeFolder(t);
        const a = makeStore(folder, ['{"user_id":1,"information":' +
            '{"b":1,"a":[1,2]},"events":[{"fqid":"a/1","type":"create",' +
            '"data":{"z":1,"y":{"q":1,"p":2}}}]}'], 'a.db');
        const b = makeStore(folder, ['{ "events": [ { "data" : {"y": {"p":' +
            '2, "q" : 1}, "z" :1 } , "type":"create", "fqid":"a/1"}],' +
            '"information": {"a": [1, 2],"b":1},"user_id":1}'], 'b.db');
        assert.equal(dumpText(a), dumpText(b));
        sql(b, "update models set data = ' ' || data || ' '; vacuum;");
        assert.equal(dumpText(a), dumpText(b));
    });

// ---- verify

const PLANTED = [
    ['a changed field', "update models set data = json_set(data, " +
        "'$.stars', 99) where fqid = 'message/3'", /message\/3/],
    ['a field too many', "update models set data = json_set(data, " +
        "'$.surplus', 1) where fqid = 'message/3'", /message\/3/],
    ['a field too few', "update models set data = json_remove(data, " +
        "'$.content') where fqid = 'message/3'", /message\/3/],
    ['a number that became a text', "update models set data = " +
        "json_set(data, '$.id', '3') where fqid = 'message/3'", /message\/3/],
    ['a wrong meta_position', "update models set data = json_set(data, " +
        "'$.meta_position', 1) where fqid = 'message/3'", /message\/3/],
    ['a wrong meta_deleted', "update models set data = json_set(data, " +
        "'$.meta_deleted', json('true')) where fqid = 'message/3'",
    /message\/3/],
    ['a deleted flag', "update models set deleted = 1 - deleted " +
        "where fqid = 'message/3'", /message\/3/],
    ['a missing model', "delete from models where fqid = 'message/3'",
        /message\/3/],
    ['a model too many', "insert into models select 'message/99999', data, " +
        "deleted, updated from models where fqid = 'message/3'",
    /message\/99999/],
    ['a changed event', "update events set data = json_set(data, " +
        "'$.id', 98765) where fqid = 'message/3' and type = 'create'",
    /message\/3/],
    ['a missing event', "delete from events where fqid = 'message/3' and " +
        "type = 'create'", /message\/3/],
    ['an event twice', "insert into events select (select max(id) + 1 from " +
        "events), position, fqid, type, data, 99 from events where " +
        "fqid = 'message/3' and type = 'create'", /message\/3/],
    ['an event with faulty data', "update events set data = '{' where " +
        "fqid = 'message/3' and type = 'create'", /position|message\/3/],
    ['a model with faulty data', "update models set data = '{' where " +
        "fqid = 'message/3'", /message\/3/],
];

test('verify finds every planted difference and names it', needsSqlite3,
    (t) => {
        const { folder, store: whole, migrations } = setUp(t, 200);
        must(['verify'], { store: whole, migrations });
        const store = path.join(folder, 'planted.db');
        const failures = [];

        for (const [what, change, pattern] of PLANTED) {
            copyStore(whole, store);
            sql(store, `${change};`);
            const r = run(['verify'], { store, migrations });
            if (r.code !== 4) failures.push(`${what}: ${describe(r)}`);
            if (!pattern.test(r.out + r.err)) {
                failures.push(`${what}: not named in ${r.out}${r.err}`);
            }
        }
        assert.deepEqual(failures, []);
        must(['verify'], { store: whole, migrations });
    });

test('verify takes another order of fields and other spaces for the same',
    needsSqlite3, (t) => {
        const { store, migrations } = setUp(t, 30);
        sql(store, "update models set data = json_remove(json_set(data, " +
            "'$.x', 1), '$.x'); update models set data = " +
            "replace(data, '\":', '\" : ');");

        must(['verify'], { store, migrations });
    });

test('verify of many differences prints not all of them', needsSqlite3,
    (t) => {
        const { store, migrations } = setUp(t, 300);
        sql(store, 'delete from models;');

        const r = run(['verify', '--json'], { store, migrations });

        assert.equal(r.code, 4, describe(r));
        assert.ok(r.out.split('\n').length < 300);
    });

// ---- new and check

test('new writes files that check takes, numbered one after the other',
    (t) => {
        const folder = makeFolder(t);
        const migrations = path.join(folder, 'm');
        fs.mkdirSync(migrations);

        must(['new', 'first_one'], { migrations });
        must(['new', 'second', '--lua'], { migrations });
        must(['new', 'third'], { migrations });

        assert.deepEqual(fs.readdirSync(migrations).sort(),
            ['0002_first_one.json', '0003_second.lua', '0004_third.json']);
        must(['check'], { migrations });
        const store = makeStore(folder, generate(20));
        must(['finalize'], { store, migrations });
        for (const name of ['', '../x', 'a/b', 'a\nb', '.', 'a b', 'é']) {
            const r = run(['new', name, '--quiet'], { migrations });
            assert.notEqual(r.code, 0, JSON.stringify(name));
        }
        assert.equal(fs.readdirSync(migrations).length, 3);
        assert.deepEqual(fs.readdirSync(folder).filter((n) =>
            !n.startsWith('store.db')), ['m']);
    });

test('every command has help, and the version is printed', (t) => {
    const folder = makeFolder(t);
    for (const command of ['init', 'load', 'dump', 'export', 'migrate',
        'finalize', 'reset', 'stats', 'clear-collectionfield-tables',
        'rollback', 'discard', 'verify', 'preview', 'convert', 'new',
        'check']) {
        const r = must([command, '--help'], { cwd: folder });
        assert.ok(r.out.includes(command));
        assert.equal(r.err, '');
    }
    assert.match(must(['--version']).out, /\d+\.\d+/);
    must(['--help']);
});

test('clear-collectionfield-tables empties the helper tables', needsSqlite3,
    (t) => {
        const { store, migrations } = setUp(t, 10);
        sql(store, 'insert into collectionfields (id, collectionfield, ' +
            "position) values (1, 'user/name', 1); insert into " +
            'events_to_collectionfields values (1, 1);');
        const before = dumpText(store);

        must(['clear-collectionfield-tables'], { store, migrations });

        assert.equal(sql(store, 'select (select count(*) from ' +
            'collectionfields) + (select count(*) from ' +
            'events_to_collectionfields);').trim(), '0');
        assert.equal(dumpText(store), before);
    });
