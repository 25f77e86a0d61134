// SPDX-License-Identifier: Apache-2.0
// Migrations that misbehave: loops without end, memory without end, results
// that no store can hold, ways out of the sandbox. The run stops at that
// position with file, position and reason; the positions before it stay.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import { assertRefused, assertSameDump, describe, dump, dumpText, live,
    makeFolder, makeStore, run, sql, writeFiles } from '../lib/godwit.mjs';

const STORE = [
    '{"events":[{"fqid":"a/1","type":"create","data":{"v":1}}]}',
    '{"events":[{"fqid":"a/2","type":"create","data":{"v":2}}]}',
    '{"events":[{"fqid":"a/3","type":"create","data":{"v":3}},' +
        '{"fqid":"a/1","type":"update","data":{"v":4}}]}',
    '{"events":[{"fqid":"a/4","type":"create","data":{"v":5}}]}',
];
const LIMITS = ['--lua-timeout', '1s', '--lua-memory', '16MiB'];

/** A script that does `body` when event 2 of position 3 is offered. */
const atThree = (body) => `
local m = { type = "event" }
function m.migrate_event(event, ctx)
  if event.type == "update" then
    ${body}
  end
end
return m
`;

/** Runs migrate with each script; all must stop at position 3. */
function assertStops(t, scripts, { seconds = 15 } = {}) {
    const folder = makeFolder(t);
    const store = makeStore(folder, STORE);
    const before = live(dump(store));
    const failures = [];

    scripts.forEach(([what, body, ...patterns], i) => {
        const migrations = writeFiles(path.join(folder, `m${i}`),
            { '0002_bad.lua': atThree(body) });
        const r = run(['migrate', '--quiet', ...LIMITS],
            { store, migrations, timeout: seconds * 1000 });
        try {
            assertRefused(r, 1, '0002_bad.lua', /position 3\b/, ...patterns);
            const d = dump(store);
            assertSameDump(live(d), before, 'live tables');
            assert.deepEqual(d.migration_positions.map((p) => p.position),
                [1, 2]);
        } catch (error) {
            failures.push(`${what}: ${error.message.split('\n')[0]}`);
        }
        run(['reset', '--quiet', '--migrations', migrations], { store });
    });
    assert.deepEqual(failures, []);
}

test('a script that does not end is stopped', (t) => {
    const late = /time|long|seconds|1s|1 s/i;
    assertStops(t, [
        ['a loop', 'while true do end', late],
        ['a loop that catches errors', 'while true do ' +
            'pcall(function() while true do end end) end', late],
        ['a loop in a coroutine',
            'coroutine.wrap(function() while true do end end)()', late],
        ['coroutines one in another', 'local function f() ' +
            'coroutine.wrap(f)() end while true do pcall(f) end', /\S/],
        ['a coroutine that catches errors', 'local c = coroutine.create(' +
            'function() while true do pcall(function() while true do ' +
            'coroutine.yield() end end) end end) ' +
            'while true do coroutine.resume(c) end', late],
        ['a loop in a metamethod', 'local x = setmetatable({}, { __index = ' +
            'function() while true do end end }) return x.y', late],
        ['a loop in a message handler', 'xpcall(error, ' +
            'function() while true do end end)', late],
        ['a loop in a sort', 'local l = {} for i = 1, 100 do l[i] = i end ' +
            'table.sort(l, function() while true do end end)', late],
        ['a loop in a replacement', 'string.gsub(("x"):rep(10), "x", ' +
            'function() while true do end end)', late],
        ['a loop while closing', 'local x <close> = setmetatable({}, ' +
            '{ __close = function() while true do end end })', late],
        ['endless recursion that catches errors', 'local function f() ' +
            'pcall(f) f() end while true do pcall(f) end', /\S/],
    ]);
});

test('a loop inside of one library call is stopped too', (t) => {
    assertStops(t, [
        ['a long concat', 'local l = {} for i = 1, 1000 do ' +
            'l[i] = ("x"):rep(1000) end while true do table.concat(l) end'],
        ['a walk over nothing', 'local l = setmetatable({}, { __len = ' +
            'function() return 1 << 62 end }) table.unpack(l, 1, 1 << 40)'],
        ['an insert at the end of nothing', 'local l = setmetatable({}, ' +
            '{ __len = function() return 1 << 60 end }) ' +
            'table.insert(l, 1, 1)'],
        ['a move of everything',
            'table.move({}, 1, math.maxinteger - 1, 2)'],
    ]);
});

test('a finalizer that loops forever is stopped or never run', (t) => {
    const folder = makeFolder(t);
    const store = makeStore(folder, STORE);
    const migrations = writeFiles(path.join(folder, 'm'), { '0002_gc.lua':
        atThree(`setmetatable({}, { __gc = function() while true do end end })
    for i = 1, 200000 do local x = { i } end
    return { event }`) });

    const r = run(['migrate', '--quiet', ...LIMITS],
        { store, migrations, timeout: 15_000 });

    assert.equal(r.timedOut, false, describe(r));
    assert.ok([0, 1].includes(r.code), describe(r));
});

test('a script that eats memory is stopped', (t) => {
    const much = /memory/i;
    assertStops(t, [
        ['a table', 'local l = {} for i = 1, 1e9 do l[i] = i end', much],
        ['a text', 'local s = "x" while true do s = s .. s end', much],
        ['one large text', 'return ("x"):rep(1 << 30)', much],
        ['a buffer', 'local l = {} for i = 1, 1e7 do l[i] = "abcdefghij" ' +
            'end table.concat(l)', much],
        ['many closures', 'local f while true do local g = f ' +
            'f = function() return g end end', much],
        ['memory that is caught again and again', 'while true do ' +
            'pcall(function() local l = {} for i = 1, 1e9 do l[i] = {} end ' +
            'end) end', /memory|time|long/i],
        ['fields without end', 'for i = 1, 1e9 do ' +
            'event.data["f" .. i] = i end return { event }', /\S/],
        ['events without end', 'local l = {} for i = 1, 1e9 do ' +
            'l[i] = godwit.update("a/1", { v = i }) end return l', /\S/],
        ['a JSON text', 'local s = "[" .. ("[],"):rep(4000000) .. "0]" ' +
            'return godwit.json.decode(s)', /\S/],
        ['a log without end', 'while true do godwit.log(("x"):rep(100000)) ' +
            'end', /\S/],
    ]);
});

test('recursion without end is an error', (t) => {
    assertStops(t, [
        ['a function', 'local function f() return 1 + f() end return f()',
            /overflow|memory/i],
        ['a metamethod', 'local t = {} setmetatable(t, { __index = ' +
            'function(x, k) return x[k .. "a"] end }) return t.x', /\S/],
        ['text from nested calls', 'local s = "x" for i = 1, 300 do ' +
            's = "(" .. s .. ")" end return load("return " .. s)()', /\S/],
        ['a table in itself', 'local l = {} l[1] = l ' +
            'event.data.v = l return { event }', /\S/],
        ['a deep table', 'local l = {} for i = 1, 100000 do l = { l } end ' +
            'event.data.v = l return { event }', /\S/],
        ['JSON of a table in itself',
            'local l = {} l.l = l return godwit.json.encode(l)', /\S/],
        ['JSON 100,000 deep',
            'return godwit.json.decode(("["):rep(100000))', /\S/],
    ]);
});

test('what no store can hold is an error', (t) => {
    assertStops(t, [
        ['not a number', 'event.data.v = 0/0 return { event }'],
        ['infinity', 'event.data.v = 1/0 return { event }'],
        ['minus infinity', 'event.data.v = -math.huge return { event }'],
        ['a function', 'event.data.v = print or function() end ' +
            'return { event }'],
        ['a coroutine', 'event.data.v = coroutine.create(function() end) ' +
            'return { event }'],
        ['text that is no UTF-8', 'event.data.v = "\\xff" return { event }'],
        ['a surrogate', 'event.data.v = "\\xed\\xa0\\x80" return { event }'],
        ['a NUL', 'event.data.v = "a\\0b" return { event }'],
        ['a key that is no UTF-8',
            'event.data.v = { ["\\xff"] = 1 } return { event }'],
        ['a key with a NUL',
            'event.data.v = { ["a\\0"] = 1 } return { event }'],
        ['a list with names',
            'event.data.v = { 1, 2, x = 3 } return { event }'],
        ['a list with a hole', 'event.data.v = { [1] = 1, [3] = 3 } ' +
            'return { event }'],
        ['a boolean key', 'event.data.v = { [true] = 1 } return { event }'],
        ['a field that is no text',
            'event.data[1] = 1 return { event }'],
        ['a text in place of events', 'return "events"'],
        ['a number in place of events', 'return 7'],
        ['an event that is text', 'return { "event" }'],
        ['an unknown type',
            'return { { type = "x", fqid = "a/1", data = {} } }'],
        ['a changed type', 'event.type = "x" return { event }'],
        ['a broken fqid', 'return { godwit.create("a", { v = 1 }) }'],
        ['fields that are text', 'return { godwit.create("a/9", "v") }'],
        ['an error that is no text', 'error({ code = 1 })'],
        ['an error that is nil', 'error(nil)'],
        ['an error with control characters',
            'error("red \\27[31m\\0\\n\\r second line")'],
        ['a very long error', 'error(("x"):rep(1000000))'],
        ['an error whose __tostring fails', 'error(setmetatable({}, ' +
            '{ __tostring = function() error("again") end }))'],
        ['an error whose __tostring loops', 'error(setmetatable({}, ' +
            '{ __tostring = function() while true do end end }))'],
    ]);
});

test('a script reaches nothing outside', (t) => {
    const folder = makeFolder(t);
    const store = makeStore(folder, STORE);
    writeFiles(folder, { 'outside.lua': 'return { secret = true }' });
    // each gives true when it got out
    const ways = [
        'io ~= nil', 'os ~= nil', 'debug ~= nil', 'dofile ~= nil',
        'loadfile ~= nil',
        'pcall(require, "io")', 'pcall(require, "os")',
        'pcall(require, "debug")', 'pcall(require, "../outside")',
        'pcall(require, "..outside")', 'pcall(require, "/etc/passwd")',
        'pcall(require, "outside")',
        'package ~= nil and package.loadlib ~= nil',
        'package ~= nil and package.searchers ~= nil',
        'package ~= nil and package.cpath ~= nil and package.cpath ~= ""',
        'string.dump ~= nil and load ~= nil and ' +
            'load(string.dump(function() return 1 end)) ~= nil',
        'load ~= nil and load("\\27Lua", "x", "b") ~= nil',
        'load ~= nil and load("return io or os or debug")() ~= nil',
        'getmetatable("").__gc ~= nil',
    ];
    const checks = ways.map((way, i) =>
        `if (${way}) then out[#out + 1] = ${i + 1} end`).join('\n    ');
    const migrations = writeFiles(path.join(folder, 'm'),
        { '0002_out.lua': atThree(`local out = godwit.array{}
    ${checks}
    event.data.out = out
    return { event }`) });

    const r = run(['migrate', '--quiet'], { store, migrations });

    assert.equal(r.code, 0, describe(r));
    const { data } = dump(store).migration_events
        .find((e) => e.type === 'update');
    assert.deepEqual(data.out.map((i) => ways[i - 1]), []);
});

test('a script that breaks its own library harms no later migration', (t) => {
    const folder = makeFolder(t);
    const store = makeStore(folder, STORE);
    const migrations = writeFiles(path.join(folder, 'm'), {
        '0002_break.lua': `
for _, lib in pairs({ string, table, math, godwit }) do
  if type(lib) == "table" then pcall(function()
    for name in pairs(lib) do lib[name] = nil end
  end) end
end
pcall(function() getmetatable("").__index = nil end)
return { type = "event", migrate_event = function() end }
`,
        '0003_use.lua': atThree(`event.data.v = ("x"):rep(3)
    return { godwit.update(event.fqid, event.data) }`),
    });

    const r = run(['migrate', '--quiet'], { store, migrations });

    assert.equal(r.code, 0, describe(r));
    assert.equal(dump(store).migration_events
        .find((e) => e.type === 'update').data.v, 'xxx');
});

test('a script that does not end while it is read is stopped by check', (t) => {
    const folder = makeFolder(t);
    const migrations = writeFiles(path.join(folder, 'm'),
        { '0002_top.lua': 'while true do end' });

    for (const command of [['check'], ['stats', '--store',
        makeStore(folder, STORE)]]) {
        const r = run([...command, '--quiet', ...LIMITS],
            { migrations, timeout: 15_000 });
        assertRefused(r, 2, '0002_top.lua');
    }
});

test('a model migration that does not end leaves the store as it was', (t) => {
    const folder = makeFolder(t);
    const store = makeStore(folder, STORE);
    const before = dumpText(store);
    const bad = [
        'while true do end',
        'local l = {} for i = 1, 1e9 do l[i] = i end',
        'return { godwit.update("a/99", { v = 1 }) }',
        'return { godwit.update("a/1", { v = 2 }), ' +
            'godwit.create("a/1", { v = 1 }) }',
        'error("no")',
    ];

    bad.forEach((body, i) => {
        const migrations = writeFiles(path.join(folder, `m${i}`), {
            '0002_models.lua': 'return { type = "model", ' +
                `migrate_models = function(reader, ctx) ${body} end }` });
        const r = run(['finalize', '--quiet', ...LIMITS],
            { store, migrations, timeout: 15_000 });
        assertRefused(r, 1, '0002_models.lua');
        const now = JSON.parse(dumpText(store));
        assertSameDump(live(now), live(JSON.parse(before)), body);
        assert.equal(sql(store, 'SELECT count(*) FROM sqlite_schema ' +
            "WHERE name GLOB 'godwit_drop_*';"), '0\n', 'no copy stays');
        run(['reset', '--quiet'], { store, migrations });
    });
    assert.equal(dumpText(store), before);
});

test('faulty migration files are refused before anything runs', (t) => {
    const folder = makeFolder(t);
    const store = makeStore(folder, STORE);
    const before = dumpText(store);
    const rule = (r) => JSON.stringify({ rules: [r] });
    const bad = {
        'not JSON': { '0002_x.json': '{' },
        'an empty file': { '0002_x.json': '' },
        'a list': { '0002_x.json': '[]' },
        'no rules': { '0002_x.json': '{}' },
        'rules 100,000 deep': { '0002_x.json':
            `{"rules":${'['.repeat(100_000)}${']'.repeat(100_000)}}` },
        'a NUL in a value': { '0002_x.json': rule({ add_fields:
            { collection: 'a', fields: { v: 'a\0b' } } }) },
        'the same member twice': { '0002_x.json':
            '{"rules":[],"rules":[]}' },
        'binary rubbish': { '0002_x.lua': Buffer.alloc(5000, 0x9d) },
        'Lua bytecode': { '0002_x.lua': Buffer.from('\x1bLuaT\0', 'latin1') },
        'a script that returns nothing': { '0002_x.lua': '' },
        'a script that returns a number': { '0002_x.lua': 'return 4' },
        'an unknown type': { '0002_x.lua': 'return { type = "x" }' },
        'a call that is no function': { '0002_x.lua':
            'return { type = "event", migrate_event = 4 }' },
        'a shared object that is none': { '0002_x.so': 'no ELF at all' },
        'an unknown ending': { '0002_x.py': 'print(1)' },
    };

    for (const [what, files] of Object.entries(bad)) {
        const migrations = writeFiles(
            path.join(folder, what.replaceAll(/\W/g, '_')), files);
        for (const command of ['check', 'migrate', 'finalize', 'stats']) {
            const r = run([command, '--quiet', ...(command === 'check'
                ? [] : ['--store', store])], { migrations, timeout: 20_000 });
            assertRefused(r, 2, '0002_x');
        }
    }
    assert.equal(dumpText(store), before);
});
