// SPDX-License-Identifier: Apache-2.0
// Hostile JSON, by load and written straight into the tables: refused with
// one message that says where, the positions before it stay, and the store
// goes on as if nothing had been.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import { assertRefused, assertSameDump, copyStore, countMigrated, describe,
    dump, dumpText, isSanitized, live, load, makeFolder, makeStore, must,
    needsSqlite3, run, shell, sql, stats, writeFiles } from '../lib/godwit.mjs';
import { generate, MIGRATIONS } from '../lib/generate.mjs';

const GOOD = '{"events":[{"fqid":"a/1","type":"create","data":{"v":1}}]}';
const NEXT = '{"events":[{"fqid":"a/1","type":"update","data":{"v":2}}]}';

const update = (value) =>
    `{"events":[{"fqid":"a/1","type":"update","data":{"v":${value}}}]}`;
const one = (event) => `{"events":[${event}]}`;
const bytes = (before, hex, after) => Buffer.concat([Buffer.from(before),
    Buffer.from(hex, 'hex'), Buffer.from(after)]);
const text = (hex) => bytes(
    '{"events":[{"fqid":"a/1","type":"update","data":{"v":"', hex, '"}}]}');
const nested = (depth) => '['.repeat(depth) + ']'.repeat(depth);

// [what, line]
const REFUSED = [
    // no JSON
    ['a word', 'hello'],
    ['half an object', '{"events":[{"fqid":"a/1"'],
    ['a string without an end', update('"abc')],
    ['something behind the object', `${NEXT} {}`],
    ['two objects on a line', `${NEXT}${NEXT}`],
    ['a comma at the end of a list', update('[1,]')],
    ['a comma at the end of an object', update('{"a":1,}')],
    ['a missing value', update('')],
    ['a missing colon', update('{"a" 1}')],
    ['single quotes', update("'a'")],
    ['a comment', update('1 /* one */')],
    ['NaN', update('NaN')],
    ['Infinity', update('-Infinity')],
    ['True', update('True')],
    ['a leading zero', update('01')],
    ['a leading plus', update('+1')],
    ['a bare minus', update('-')],
    ['a point without digits', update('1.')],
    ['a leading point', update('.5')],
    ['an exponent without digits', update('1e')],
    ['a hexadecimal number', update('0x10')],
    ['an unknown escape', update('"\\x41"')],
    ['half a \\u escape', update('"\\u00"')],
    ['a \\u escape that is none', update('"\\u00zz"')],
    // depth
    ['100,000 open lists', update('['.repeat(100_000))],
    ['lists 100,000 deep', update(nested(100_000))],
    ['objects 100,000 deep',
        update('{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000))],
    ['lists 600 deep', update(nested(600))],
    ['deep information',
        `{"information":${nested(100_000)},"events":[]}`],
    // text
    ['a lone high surrogate', update('"\\ud800"')],
    ['a lone low surrogate', update('"\\udc00"')],
    ['surrogates the wrong way round', update('"\\udc00\\ud800"')],
    ['a high surrogate before a letter', update('"\\ud800x"')],
    ['a lone surrogate in a nested key', update('{"\\ud800":1}')],
    ['an escaped NUL', update('"a\\u0000b"')],
    ['an escaped NUL in a nested key', update('{"a\\u0000":1}')],
    ['a NUL byte', text('00')],
    ['a control character', text('01')],
    ['a raw tab in a string', text('09')],
    ['a byte that is not UTF-8', text('ff')],
    ['a lone continuation byte', text('80')],
    ['an overlong slash', text('c0af')],
    ['an overlong NUL', text('c080')],
    ['a surrogate in UTF-8', text('eda080')],
    ['a code point above U+10FFFF', text('f4908080')],
    ['a cut UTF-8 sequence', text('e282')],
    ['invalid UTF-8 in information',
        bytes('{"information":"', 'fe', '","events":[]}')],
    // keys
    ['the same member twice', '{"events":[],"events":[]}'],
    ['the same field twice',
        one('{"fqid":"a/1","type":"update","data":{"v":1,"v":2}}')],
    ['the same field twice, once escaped',
        one('{"fqid":"a/1","type":"update","data":{"v":1,"\\u0076":2}}')],
    ['the same key twice inside a value', update('{"x":1,"y":2,"x":3}')],
    ['the same list field twice', one('{"fqid":"a/1","type":"listfields",' +
        '"data":{"add":{"l":[1],"l":[2]},"remove":{}}}')],
    // shape of a position
    ['a list', '[]'],
    ['null', 'null'],
    ['a position without events', '{"position":9}'],
    ['events that are no list', '{"events":{}}'],
    ['an event that is no object', '{"events":[1]}'],
    ['a position as text', '{"position":"9","events":[]}'],
    ['position 0', '{"position":0,"events":[]}'],
    ['a negative position', '{"position":-1,"events":[]}'],
    ['half a position', '{"position":9.5,"events":[]}'],
    ['position 2^63', '{"position":9223372036854775808,"events":[]}'],
    ['a position with 400 digits',
        `{"position":${'9'.repeat(400)},"events":[]}`],
    ['a position that is taken', '{"position":1,"events":[]}'],
    ['a user that is text', '{"user_id":"me","events":[]}'],
    ['a user beyond 64 bits',
        '{"user_id":99999999999999999999,"events":[]}'],
    ['a timestamp that is none', '{"timestamp":"soon","events":[]}'],
    ['a timestamp that is a number', '{"timestamp":12,"events":[]}'],
    ['a migration index that is text',
        '{"migration_index":"1","events":[]}'],
    // shape of an event
    ['an event without a type', one('{"fqid":"a/1","data":{"v":1}}')],
    ['an event without a fqid', one('{"type":"update","data":{"v":1}}')],
    ['an unknown type', one('{"fqid":"a/1","type":"upsert","data":{}}')],
    ['a type that is a number', one('{"fqid":"a/1","type":1,"data":{}}')],
    ['a fqid that is a list',
        one('{"fqid":["a/1"],"type":"update","data":{"v":1}}')],
    ['a collection in capitals',
        one('{"fqid":"A/1","type":"create","data":{"v":1}}')],
    ['id 0', one('{"fqid":"a/0","type":"create","data":{"v":1}}')],
    ['a fqid with a NUL',
        one('{"fqid":"a/1\\u0000","type":"update","data":{"v":1}}')],
    ['a fqid of 100 characters',
        one(`{"fqid":"a/${'1'.repeat(98)}","type":"create","data":{}}`)],
    ['a reserved field',
        one('{"fqid":"a/1","type":"update","data":{"meta_position":1}}')],
    ['an empty field name',
        one('{"fqid":"a/1","type":"update","data":{"":1}}')],
    ['a field name in capitals',
        one('{"fqid":"a/1","type":"update","data":{"V":1}}')],
    ['a null value', update('null')],
    ['an update with a list',
        one('{"fqid":"a/1","type":"update","data":["v"]}')],
    ['a deletefields with an object',
        one('{"fqid":"a/1","type":"deletefields","data":{"v":1}}')],
    ['a deletefields with numbers',
        one('{"fqid":"a/1","type":"deletefields","data":[1]}')],
    ['a listfields with plain values',
        one('{"fqid":"a/1","type":"listfields","data":{"add":{"l":1}}}')],
    ['a listfields with another member', one('{"fqid":"a/1",' +
        '"type":"listfields","data":{"insert":{"l":[1]}}}')],
    ['a listfields on a field that is no list', one('{"fqid":"a/1",' +
        '"type":"listfields","data":{"add":{"v":[1]},"remove":{}}}')],
    ['a delete with data',
        one('{"fqid":"a/1","type":"delete","data":{"v":1}}')],
    // against the models
    ['an update of nothing',
        one('{"fqid":"a/2","type":"update","data":{"v":1}}')],
    ['a second create',
        one('{"fqid":"a/1","type":"create","data":{"v":1}}')],
    ['a restore of what is there',
        one('{"fqid":"a/1","type":"restore","data":null}')],
    ['a second event that is wrong', one('{"fqid":"a/1","type":"update",' +
        '"data":{"v":9}},{"fqid":"a/9","type":"delete","data":null}')],
];

test('load refuses a faulty line, keeps the lines before it and says where',
    (t) => {
        const folder = makeFolder(t);
        const empty = makeStore(folder, [], 'empty.db');
        const store = path.join(folder, 'store.db');
        const failures = [];

        for (const [what, line] of REFUSED) {
            copyStore(empty, store);
            const input = Buffer.concat([Buffer.from(`${GOOD}\n`),
                Buffer.from(line), Buffer.from(`\n${NEXT}\n`)]);
            const r = run(['load', '-', '--quiet'],
                { store, input, timeout: 30_000 });
            try {
                assertRefused(r, 1, /:2: |line 2\b/);
                const d = dump(store);
                assert.deepEqual(d.positions.map((p) => p.position), [1]);
                assert.equal(d.models['a/1'].data.v, 1);
                load(store, [NEXT]);
                assert.equal(dump(store).models['a/1'].data.v, 2);
            } catch (error) {
                failures.push(`${what}: ${error.message.split('\n')[0]}`);
            }
        }
        assert.deepEqual(failures, []);
    });

// [what, value]: unusual, but right
const ACCEPTED = [
    ['400 digits', '9'.repeat(400)],
    ['a negative 400 digit number', '-' + '8'.repeat(400)],
    ['a large exponent', '1e999'],
    ['a tiny number', '1E-999'],
    ['minus zero', '-0'],
    ['a decimal with zeros', '1.10'],
    ['lists 200 deep', nested(200)],
    ['objects 200 deep', '{"a":'.repeat(200) + '1' + '}'.repeat(200)],
    ['an empty key', '{"":1}'],
    ['a key named __proto__', '{"__proto__":{"a":1},"constructor":2}'],
    ['keys in no order', '{"b":1,"a":2,"10":3,"9":4}'],
    ['every short escape', '"\\"\\\\\\/\\b\\f\\n\\r\\t"'],
    ['a pair of surrogates', '"\\ud83d\\ude00"'],
    ['the last code point', '"\u{10ffff}"'],
    ['characters that are none', '"\\uffff\ufffe"'],
    ['a key with an escape', '{"a\\nb":1}'],
    ['100,000 numbers', `[${Array(100_000).fill('1').join(',')}]`],
    ['a text of 3 MB', `"${'x'.repeat(3_000_000)}"`],
];

test('load takes every value that is right, and migration and export keep it',
    (t) => {
        const folder = makeFolder(t);
        const migrations = writeFiles(path.join(folder, 'migrations'),
            { '0002_move.json': { rules: [{ rename_field:
                { collection: 'a', from: 'v', to: 'w' } }] } });
        const empty = makeStore(folder, [], 'empty.db');
        const store = path.join(folder, 'store.db');
        const failures = [];

        for (const [what, value] of ACCEPTED) {
            copyStore(empty, store);
            const line = one('{"fqid":"a/1","type":"create",' +
                `"data":{"v":${value}}}`);
            const r = run(['load', '-', '--quiet'],
                { store, input: `${line}\n` });
            if (r.code !== 0) {
                failures.push(`${what}: ${describe(r)}`);
                continue;
            }
            must(['finalize'], { store, migrations });
            must(['verify'], { store, migrations });
            const out = must(['export'], { store }).out;
            const at = out.indexOf('"w":') + 4;
            if (out.slice(at, at + value.length) !== value) {
                failures.push(`${what}: became ` +
                    out.slice(at, at + Math.min(80, value.length)));
            }
        }
        assert.deepEqual(failures, []);
    });

test('a line that ends without a newline is a line', (t) => {
    const store = makeStore(makeFolder(t), []);

    must(['load', '-'], { store, input: `${GOOD}\r\n\n${NEXT}` });

    assert.equal(dump(store).positions.length, 2);
});

test('a line without an end does not take all memory', (t) => {
    const folder = makeFolder(t);
    const store = makeStore(folder, [GOOD]);
    const before = dumpText(store);
    // 300 MB of one string, above the limit of a line
    const limit = isSanitized ? '' : 'ulimit -v 2000000;';
    const r = shell(`(printf '{"x":"'; head -c 300000000 /dev/zero | ` +
        `tr '\\0' x) | (${limit} "$GODWIT" load - --quiet ` +
        `--store "$STORE")`, { env: { STORE: store } });

    assertRefused(r, 1, /:1: |line 1\b/);
    assert.equal(dumpText(store), before);
});

test('binary rubbish is refused at its first line', (t) => {
    const store = makeStore(makeFolder(t), []);
    const input = Buffer.alloc(100_000, 0x9d);

    assertRefused(run(['load', '-', '--quiet'], { store, input }), 1,
        /:1: |line 1\b/);

    assert.equal(dump(store).positions.length, 0);
});

test('convert refuses models that are none', (t) => {
    const folder = makeFolder(t);
    const migrations = writeFiles(path.join(folder, 'migrations'), MIGRATIONS);

    for (const input of ['', 'x', '[]', '{"a/1":1}', '{"A/1":{}}',
        '{"a/1":{"v":1},"a/1":{"v":2}}', '{"a/1":{"v":"\\ud800"}}',
        `{"a/1":{"v":${nested(100_000)}}}`, '{"a/1":{"V":1}}']) {
        const r = run(['convert', '--from-index', '1', '--quiet'],
            { migrations, input });
        assertRefused(r, [1, 2], /\S/);
        assert.equal(r.out, '', input);
    }
});

// ---- written straight into the tables, as a faulty application would

const quoted = (s) => `'${s.replaceAll("'", "''")}'`;

// [what, SQL that spoils event 2 of position 40]
const AT = 'where position = 40 and weight = 2';
const SPOILED = [
    ['data that is cut', `update events set data = '{"name":"x' ${AT}`],
    ['data that is no JSON', `update events set data = 'x' ${AT}`],
    ['an empty data', `update events set data = '' ${AT}`],
    ['data of the wrong kind', `update events set data = '"text"' ${AT}`],
    ['a number as data', `update events set data = 5 ${AT}`],
    ['a lone surrogate',
        `update events set data = '{"name":"\\ud800"}' ${AT}`],
    ['invalid UTF-8', 'update events set data = cast(' +
        `x'7b226e616d65223a22ff227d' as text) ${AT}`],
    ['a NUL inside', 'update events set data = cast(' +
        `x'7b226e616d65223a2200227d' as text) ${AT}`],
    ['the same field twice',
        `update events set data = '{"name":1,"name":2}' ${AT}`],
    ['data 100,000 deep', `update events set data = ` +
        `${quoted(`{"name":${nested(100_000)}}`)} ${AT}`],
    ['a null value', `update events set data = '{"name":null}' ${AT}`],
    ['a reserved field',
        `update events set data = '{"meta_deleted":true}' ${AT}`],
    ['an unknown type', `update events set type = 'replace' ${AT}`],
    ['a broken fqid', `update events set fqid = 'user' ${AT}`],
    ['a fqid with a NUL',
        `update events set fqid = cast(x'612f3100' as text) ${AT}`],
    ['an update of nothing',
        `update events set fqid = 'user/987654' ${AT}`],
];

test('a spoiled event stops migrate there, and when it is mended it goes on',
    needsSqlite3, (t) => {
        const folder = makeFolder(t);
        const migrations = writeFiles(path.join(folder, 'migrations'),
            MIGRATIONS);
        const lines = generate(39, { gaps: false });
        lines.push('{"position":40,"events":[' +
            '{"fqid":"user/900","type":"create","data":{"name":"a"}},' +
            '{"fqid":"user/900","type":"update","data":{"name":"b"}},' +
            '{"fqid":"user/900","type":"update","data":{"nick":"c"}}]}');
        lines.push('{"position":41,"events":[]}');
        const whole = makeStore(folder, lines, 'whole.db');
        const done = copyStore(whole, path.join(folder, 'done.db'));
        must(['finalize'], { store: done, migrations });
        const want = dumpText(done);
        const before = live(dump(whole));
        const mend = 'delete from events where position = 40;' + sql(whole,
            '.mode insert events\nselect * from events where position = 40;');
        const store = path.join(folder, 'store.db');
        const failures = [];

        for (const [what, change] of SPOILED) {
            copyStore(whole, store);
            sql(store, `${change};`);
            try {
                for (const command of ['migrate', 'finalize', 'migrate']) {
                    const r = run([command, '--quiet'],
                        { store, migrations, timeout: 30_000 });
                    assertRefused(r, 1, /position 40\b/,
                        /event 2\b|user\/987654/);
                }
                assert.equal(countMigrated(stats(store, migrations)), 39);
                const verified = run(['verify', '--quiet'],
                    { store, migrations });
                assert.ok([1, 4].includes(verified.code), describe(verified));
                assert.match(verified.out + verified.err, /position 40\b/);
                sql(store, mend);
                assertSameDump(live(dump(store)), before, 'mended');
                must(['finalize'], { store, migrations });
                assertSameDump(dumpText(store), want, 'after finalize');
            } catch (error) {
                failures.push(`${what}: ${error.message.split('\n')[0]}`);
            }
        }
        assert.deepEqual(failures, []);
    });

test('events of a position that is not there are noticed', needsSqlite3,
    (t) => {
        const folder = makeFolder(t);
        const migrations = writeFiles(path.join(folder, 'migrations'),
            MIGRATIONS);
        const store = makeStore(folder, generate(20, { gaps: false }));
        sql(store, 'pragma foreign_keys = off; delete from positions ' +
            'where position = 10;');

        const r = run(['verify', '--quiet'], { store, migrations });

        assert.ok([1, 4].includes(r.code), describe(r));
    });

test('a spoiled model or information does not stop migrate', needsSqlite3,
    (t) => {
        const folder = makeFolder(t);
        const migrations = writeFiles(path.join(folder, 'migrations'),
            MIGRATIONS);
        const store = makeStore(folder, generate(30, { gaps: false }));
        const want = copyStore(store, path.join(folder, 'want.db'));
        must(['finalize'], { store: want, migrations });
        sql(store, "update models set data = '{' where fqid = 'user/1' or " +
            "fqid = 'message/1';");

        const r = run(['verify', '--quiet'], { store, migrations });
        assert.ok([1, 4].includes(r.code), describe(r));
        must(['finalize'], { store, migrations });

        assertSameDump(dumpText(store), dumpText(want),
            'models are made from the events');
    });
