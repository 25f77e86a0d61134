// SPDX-License-Identifier: Apache-2.0
// Writes the cases in own/: what the corpus lacks. What is expected comes
// from lib/oracle.mjs, the contract as a short program of its own; Lua
// migrations stand here beside a JavaScript twin. Run it after a change:
//   node tests/conformance/make_own.mjs
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { parse, print, rules, Stop, Store } from '../lib/oracle.mjs';

const OWN = path.join(path.dirname(fileURLToPath(import.meta.url)), 'own');

const create = (fqid, data) => ({ fqid, type: 'create', data });
const update = (fqid, data) => ({ fqid, type: 'update', data });
const remove = (fqid) => ({ fqid, type: 'delete', data: null });
const restore = (fqid) => ({ fqid, type: 'restore', data: null });
const without = (fqid, names) => ({ fqid, type: 'deletefields', data: names });
const lists = (fqid, add, cut = {}) =>
    ({ fqid, type: 'listfields', data: { add, remove: cut } });
const n = (text) => ({ number: String(text) });

const file = (...list) => ({ rules: list });

/** A migration that stands in the folder as `text` and does what `twin`
 *  does. Rules are their own twin. */
const migration = (name, text, twin) => ({ name,
    text: typeof text === 'string' ? text : print(text) + '\n',
    twin: twin ?? rules(parse(print(text))) });

/** Makes a case. steps: [cmd, folder or file, what else]; an exception is
 *  what the oracle stops with, or `says` where it is another one. */
function makeCase(name, { description, positions, folders, files = {},
    steps, without: left = [] }) {
    const folder = path.join(OWN, name);
    fs.rmSync(folder, { recursive: true, force: true });
    const put = (at, content) => {
        fs.mkdirSync(path.dirname(path.join(folder, at)), { recursive: true });
        fs.writeFileSync(path.join(folder, at), content);
    };
    put('store.ndjson', positions.map(toLine).join(''));
    for (const [at, list] of Object.entries(files)) {
        put(at, list.map(toLine).join(''));
    }
    for (const [at, list] of Object.entries(folders)) {
        for (const m of list) put(`${at}/${m.name}`, m.text);
    }
    const store = new Store();
    store.load(parsed(positions));
    const expected = steps.map((step) => takeStep(store, step, folders,
        files, left));
    put('case.json', JSON.stringify({ description, steps:
        steps.map(({ says, refused, ...step }) => step) }, null, 1) + '\n');
    put('expected.json', `{"steps": [\n${expected.join(',\n')}\n]}\n`);
}

const toLine = (p) => (p.raw ?? print(p)) + '\n';

const parsed = (list) => list.map((p) => {
    const out = { ...parse(toLine(p)) };
    for (const key of ['position', 'user_id', 'migration_index']) {
        if (out[key]) out[key] = Number(out[key].number);
    }
    return out;
});

function takeStep(store, step, folders, files, left) {
    const list = folders[step.migrations ?? 'migrations'].map((m) => m.twin);
    let exception = null;
    try {
        if (step.refused) throw new Stop(step.says);
        if (step.cmd === 'load') store.load(parsed(files[step.file]));
        else if (step.cmd !== 'stats') store[step.cmd](list);
    } catch (error) {
        if (!(error instanceof Stop)) throw error;
        exception = step.says ?? error.message;
    }
    if ((exception === null) !== (step.says === undefined)) {
        throw new Error(`${step.cmd}: ${exception} is not ${step.says}`);
    }
    const stats = store.stats(list);
    const dump = store.dump();
    for (const member of left) delete dump[member];
    return `{"exception": ${JSON.stringify(exception)}, ` +
        `"status": "${stats.status}",\n "stats": ${print(stats)},\n ` +
        `"dump": {\n${Object.entries(dump).map(([k, v]) =>
            `  "${k}": ${pretty(v)}`).join(',\n')}\n }}`;
}

/** A line per entry, as people read it. */
function pretty(v) {
    const entries = Array.isArray(v) ? v.map(print)
        : Object.keys(v).sort().map((k) =>
            `${JSON.stringify(k)}: ${print(v[k])}`);
    const [open, close] = Array.isArray(v) ? '[]' : '{}';
    return entries.length === 0 ? open + close
        : `${open}\n   ${entries.join(',\n   ')}\n  ${close}`;
}

const at = (position, ...events) => ({ position, events });

// ---------------------------------------------------------------------------

makeCase('listfields_on_no_list', {
    description: 'a rule makes a text of a list: a later listfields on it ' +
        'stops the run at its position; when another rule hides the field, ' +
        'it does not',
    positions: [
        at(1, create('a/1', { tags: [], v: n(1) }), create('a/2', { v: n(2) })),
        at(2, update('a/2', { tags: ['x'] })),
        at(3, lists('a/1', { tags: ['t'] }, { tags: ['u'] })),
        at(4, update('a/1', { v: n(3) })),
    ],
    folders: {
        migrations: [migration('0002_text.json', file({ map_values:
            { collection: 'a', field: 'tags', map: [[[], 'none']] } }))],
        'migrations-b': [migration('0002_text.json', file(
            { map_values: { collection: 'a', field: 'tags',
                map: [[[], 'none']] } },
            { remove_fields: { collection: 'a', fields: ['tags'] } }))],
        'migrations-c': [migration('0002_text.json', file(
            { map_values: { collection: 'a', field: 'tags',
                map: [[[], 'none']] } },
            { wrap_in_list: { collection: 'a', field: 'tags' } }))],
    },
    steps: [
        { cmd: 'migrate', says: 'tags' },
        { cmd: 'reset' },
        { cmd: 'migrate', migrations: 'migrations-b' },
        { cmd: 'reset', migrations: 'migrations-b' },
        { cmd: 'finalize', migrations: 'migrations-c' },
    ],
});

makeCase('rename_collection_onto_another', {
    description: 'rename_collection onto a collection that is there: the ' +
        'models live side by side and share a sequence; where an id is ' +
        'taken, the run stops',
    positions: [
        at(1, create('person/1', { v: n(1) }), create('user/7', { v: n(7) })),
        at(2, create('user/9', { v: n(9) }), create('person/3', { v: n(3) })),
        at(3, update('user/7', { w: n(1) }), remove('person/3')),
        at(4, create('person/12', { v: n(12) }), restore('person/3')),
    ],
    files: { 'more.ndjson': [
        at(5, create('user/12', { v: n(12) })),
        at(6, update('person/12', { w: n(2) })),
    ] },
    folders: {
        migrations: [migration('0002_one.json', file({ rename_collection:
            { from: 'user', to: 'person' } }))],
        'migrations-b': [migration('0002_one.json', file(
            { drop_collection: { collection: 'person' } },
            { rename_collection: { from: 'user', to: 'person' } }))],
    },
    steps: [
        { cmd: 'migrate' },
        { cmd: 'load', file: 'more.ndjson' },
        { cmd: 'migrate', says: 'Model person/12 already exists' },
        { cmd: 'finalize', says: 'Model person/12 already exists' },
        { cmd: 'reset', migrations: 'migrations-b' },
        { cmd: 'finalize', migrations: 'migrations-b' },
    ],
});

makeCase('large_ids', {
    description: 'ids up to 2^63 - 2: sequences, order of ids, integers ' +
        'that a script calculates with',
    positions: [
        at(1, create('a/9223372036854775806', { v: n(1) }),
            create('a/9', { v: n(2) }), create('a/10', { v: n(3) })),
        at(2, create('a/9007199254740993', { v: n(4) }),
            create('a/9007199254740992', { v: n(5) }),
            update('a/9223372036854775806',
                { self: n('9223372036854775806') })),
        at(3, create('ask/1', { v: n(0) })),
    ],
    folders: { migrations: [migration('0002_ids.lua', `
local m = { type = "event" }
function m.migrate_event(event, ctx)
  if event.collection == "a" then
    event.data.before = event.id - 1
  else
    event.data.ids = ctx.new:get_all_ids_for_collection("a")
    event.data.last = ctx.new:get_model("a/9223372036854775806").before
  end
  return { event }
end
return m
`, { migrateEvent(e, ctx) {
        const [collection, id] = e.fqid.split('/');
        if (collection === 'a') {
            e.data.before = n(BigInt(id) - 1n);
        } else {
            e.data.ids = ctx.new.ids('a').map(n);
            e.data.last = ctx.new.fields('a/9223372036854775806').before;
        }
        return [e];
    } })] },
    steps: [{ cmd: 'migrate' }, { cmd: 'finalize' }],
});

makeCase('ids_beyond_64_bits', {
    description: 'ids that no 64-bit integer holds are ids all the same: ' +
        'events, models and their order (sequences are not compared)',
    positions: [
        at(1, create('a/9223372036854775807', { v: n(1) }),
            create('a/9223372036854775808', { v: n(2) }),
            create(`a/${'9'.repeat(46)}`, { v: n(3) }),
            create('b/1', { v: n(4) })),
        at(2, update('a/9223372036854775808', { v: n(5) }),
            remove(`a/${'9'.repeat(46)}`)),
        at(3, lists('a/9223372036854775807', { l: [n(1)] })),
    ],
    folders: { migrations: [migration('0002_move.json', file(
        { rename_field: { collection: 'a', from: 'v', to: 'w' } },
        { rename_collection: { from: 'a', to: 'c' } }))] },
    steps: [{ cmd: 'migrate' }, { cmd: 'finalize' }],
    without: ['id_sequences'],
});

makeCase('sixty_migrations', {
    description: 'sixty event migrations at once, each building on the one ' +
        'before; then positions that are picked up',
    positions: [
        at(1, create('a/1', { f_two: n(0) }), create('b/1', { keep: n(1) })),
        at(2, update('a/1', { f_two: n(1) }), create('a/2', { f_two: 'x' })),
        at(4, without('a/2', ['f_two'])),
    ],
    files: { 'more.ndjson': [
        at(5, update('a/2', { f_two: [n(2)] })),
        at(7, lists('a/2', { f_two: [n(3)] }), remove('b/1')),
    ] },
    folders: { migrations: Array.from({ length: 60 }, (_, i) => {
        const name = (k) => k === 0 ? 'f_two' : `f_${k}`;
        return migration(`${String(i + 2).padStart(4, '0')}_step.json`,
            file({ rename_field: { collection: 'a', from: name(i),
                to: name(i + 1) } },
            { set_default: { collection: 'b',
                fields: { [`s_${i}`]: n(i) } } }));
    }) },
    steps: [
        { cmd: 'stats' },
        { cmd: 'migrate' },
        { cmd: 'load', file: 'more.ndjson' },
        { cmd: 'stats' },
        { cmd: 'finalize' },
    ],
});

const SECOND = `local m = { type = "event" }
function m.migrate_event(event, ctx)
  if event.type == "update" then
    event.data.old = ctx.old:get_model(event.fqid).v
    return { event }
  end
end
return m
`;
const secondTwin = { migrateEvent(e, ctx) {
    if (e.type !== 'update') return undefined;
    e.data.old = ctx.old.fields(e.fqid).v;
    return [e];
} };
const thirdTwin = (limit) => ({ migrateEvent(e, ctx) {
    if (ctx.position.position === limit) throw new Stop('half-way trouble');
    if (e.type !== 'update') return undefined;
    e.data.sum = n(Number(ctx.new.fields(e.fqid).sum?.number ?? 0) + 1);
    return [e];
} });
const third = (limit) => `local m = { type = "event" }
function m.migrate_event(event, ctx)
  if ctx.position.position == ${limit} then error("half-way trouble") end
  if event.type == "update" then
    event.data.sum = (ctx.new:get_model(event.fqid).sum or 0) + 1
    return { event }
  end
end
return m
`;
const two = migration('0002_rename.json', file({ rename_field:
    { collection: 'a', from: 'value', to: 'v' } }));
const three = migration('0003_old.lua', SECOND, secondTwin);

makeCase('growing_set_fails_half_way', {
    description: 'a set grows by a script that reads keyframes and fails ' +
        'half-way: what is before the position is at the new index, the ' +
        'rest stays; mended after a reset, with more positions',
    positions: [
        at(1, create('a/1', { value: n(1) })),
        at(2, update('a/1', { value: n(2) }), create('a/2', { value: n(5) })),
        at(3, update('a/1', { value: n(3) })),
        at(4, update('a/2', { value: n(6) })),
    ],
    files: { 'more.ndjson': [
        at(5, update('a/2', { value: n(7) }), update('a/1', { value: n(8) })),
    ] },
    folders: {
        migrations: [two, three],
        'migrations-b': [two, three,
            migration('0004_sum.lua', third(3), thirdTwin(3))],
        'migrations-c': [two, three,
            migration('0004_sum.lua', third(0), thirdTwin(0))],
    },
    steps: [
        { cmd: 'migrate' },
        { cmd: 'migrate', migrations: 'migrations-b',
            says: 'half-way trouble' },
        { cmd: 'stats', migrations: 'migrations-b' },
        { cmd: 'load', file: 'more.ndjson', migrations: 'migrations-b' },
        { cmd: 'finalize', migrations: 'migrations-b',
            says: 'half-way trouble' },
        { cmd: 'reset', migrations: 'migrations-b' },
        { cmd: 'migrate', migrations: 'migrations-c' },
        { cmd: 'finalize', migrations: 'migrations-c' },
    ],
});

makeCase('edited_migration', {
    description: 'an edited migration is refused with its name and the two ' +
        'ways on, and nothing changes; after a reset it is taken',
    positions: [
        at(1, create('a/1', { name: 'x' })),
        at(2, update('a/1', { name: 'y' })),
    ],
    files: { 'more.ndjson': [at(3, update('a/1', { name: 'z' }))] },
    folders: {
        migrations: [migration('0002_name.json', file({ rename_field:
            { collection: 'a', from: 'name', to: 'first' } }))],
        'migrations-b': [migration('0002_name.json', file({ rename_field:
            { collection: 'a', from: 'name', to: 'second' } }))],
    },
    steps: [
        { cmd: 'migrate' },
        { cmd: 'migrate', migrations: 'migrations-b', refused: true,
            says: '0002_name.json' },
        { cmd: 'load', file: 'more.ndjson' },
        { cmd: 'finalize', migrations: 'migrations-b', refused: true,
            says: '--restart' },
        { cmd: 'migrate', migrations: 'migrations-b', refused: true,
            says: '--keep-migrated' },
        { cmd: 'migrate' },
        { cmd: 'reset', migrations: 'migrations-b' },
        { cmd: 'finalize', migrations: 'migrations-b' },
    ],
});

const COUNT = 800;
makeCase('large_position', {
    description: `one position of ${COUNT * 2} events, updates before later ` +
        'creates: creates come first, weights go on over all of them',
    positions: [
        at(1, create('b/1', { l: [] })),
        at(2, ...Array.from({ length: COUNT }, (_, i) => i + 1).flatMap(
            (i) => [create(`a/${i}`, { v: n(i) }),
                i % 3 === 0 ? update(`a/${i}`, { w: n(i) })
                    : lists('b/1', { l: [n(i)] }, { l: [n(i - 1)] })])),
        at(3, remove('a/1'), update('b/1', { done: true })),
    ],
    folders: { migrations: [migration('0002_more.json', file(
        { rename_field: { collection: 'a', from: 'v', to: 'x' } },
        { rename_field: { collection: 'b', from: 'l', to: 'list' } }))] },
    steps: [{ cmd: 'finalize' }],
});

// ---- three scripts in a row, each with both keyframes and will_exist

const STAGE = (name, index) => `local m = { type = "event" }
local NAMES = { "a/1", "a/2", "a/3", "a/4" }
local function see(ctx)
  local out = {}
  for i, fqid in ipairs(NAMES) do
    out[i] = { old = ctx.old:model_exists(fqid),
      alive = ctx.new:model_not_deleted(fqid),
      will = ctx:will_exist(fqid) }
  end
  return out
end
function m.migrate_event(event, ctx)
  if event.collection == "ask" then
    event.data.${name} = see(ctx)
    return { event }
  elseif ${index} == 2 and event.fqid == "a/2" and event.type == "create" then
    return {}
  elseif ${index} == 2 and event.fqid == "a/2" then
    return {}
  elseif ${index} == 3 and event.type == "create" then
    return { event, godwit.update(event.fqid, { n = ctx.migration_index }) }
  elseif ${index} == 4 and event.type == "update" then
    event.data.n = ctx.new:get_model(event.fqid).v
    return { event }
  end
end
function m.additional_events(ctx)
  if ${index} == 2 and ctx.position.position == 3 then
    return { godwit.create("a/4", { v = 4 }) }
  end
end
return m
`;
const stageTwin = (name, index) => ({
    migrateEvent(e, ctx) {
        const collection = e.fqid.split('/')[0];
        if (collection === 'ask') {
            e.data[name] = ['a/1', 'a/2', 'a/3', 'a/4'].map((f) => ({
                old: ctx.old.exists(f), alive: ctx.new.alive(f),
                will: ctx.willExist(f) }));
            return [e];
        }
        if (index === 2 && e.fqid === 'a/2') return [];
        if (index === 3 && e.type === 'create') {
            return [e, update(e.fqid, { n: n(3) })];
        }
        if (index === 4 && e.type === 'update') {
            e.data.n = ctx.new.fields(e.fqid).v;
            return [e];
        }
        return undefined;
    },
    additionalEvents(ctx) {
        if (index === 2 && ctx.position.position === 3) {
            return [create('a/4', { v: n(4) })];
        }
        return [];
    },
});

makeCase('will_exist_in_three_stages', {
    description: 'will_exist and both keyframes in three scripts at once: ' +
        'each judges by the events that reach it, after models were ' +
        'dropped, added and written in two steps by those before it',
    positions: [
        at(1, create('a/1', { v: n(1) }), create('a/2', { v: n(2) }),
            create('ask/1', { q: n(1) })),
        at(2, create('ask/2', { q: n(1) }), create('a/3', { v: n(3) }),
            update('a/2', { v: n(5) }), remove('a/1')),
        at(3, create('ask/3', { q: n(1) }), restore('a/1'), remove('a/3'),
            restore('a/3')),
        at(4, create('ask/4', { q: n(1) }), update('a/1', { v: n(6) })),
        at(5, remove('a/1'), update('ask/4', { q: n(2) })),
    ],
    folders: { migrations: ['two', 'three', 'four'].map((name, i) =>
        migration(`000${i + 2}_${name}.lua`, STAGE(name, i + 2),
            stageTwin(name, i + 2))) },
    steps: [{ cmd: 'migrate' }, { cmd: 'finalize' }],
});

makeCase('escaped_names_and_values', {
    description: 'fields, list values and mapped values written with ' +
        'escapes are the same as those written plainly',
    positions: [
        { raw: '{"position":1,"events":[{"fqid":"a/1","type":"create",' +
            '"data":{"\\u006eame":"\\u00e9","l":["caf\\u00e9","b"],' +
            '"k":{"\\u0041":"\\ud83d\\ude00"}}}]}' },
        { raw: '{"position":2,"events":[{"fqid":"a/1","type":"listfields",' +
            '"data":{"add":{"\\u006c":["café","\\u0062","c"]},' +
            '"remove":{"l":["\\u0063af\\u00e9"]}}},' +
            '{"fqid":"\\u0061\\/1","type":"\\u0075pdate",' +
            '"data":{"nam\\u0065":"é"}}]}' },
        { raw: '{"position":3,"events":[{"fqid":"a/1",' +
            '"type":"deletefields","data":["\\u006eame"]}]}' },
    ],
    folders: { migrations: [
        migration('0002_map.json', file(
            { map_values: { collection: 'a', field: 'name',
                map: [['é', 'e acute']] } },
            { remove_list_items: { collection: 'a', field: 'l',
                items: ['b'] } },
            { rename_field: { collection: 'a', from: 'name', to: 'title' } })),
        { name: '0003_map.json', text: '{"rules":[{"map_values":{' +
            '"collection":"\\u0061","field":"titl\\u0065",' +
            '"map":[["e\\u0020acute","\\u00c9"]]}}]}\n',
        twin: rules(file({ map_values: { collection: 'a', field: 'title',
            map: [['e acute', 'É']] } })) },
    ] },
    steps: [{ cmd: 'migrate' }, { cmd: 'finalize' }],
});

makeCase('fields_trade_places', {
    description: 'two fields trade names over a third one, in one file and ' +
        'over two migrations; collections too',
    positions: [
        at(1, create('a/1', { x: n(1), y: n(2) }), create('b/2', { x: n(3) })),
        at(2, update('a/1', { y: n(4) }), lists('b/2', { y: [n(5)] })),
        at(3, without('a/1', ['x', 'y']), without('b/2', ['y'])),
        at(4, update('a/1', { x: n(6) })),
    ],
    folders: { migrations: [
        migration('0002_swap.json', file(
            { rename_field: { collection: 'a', from: 'x', to: 'tmp' } },
            { rename_field: { collection: 'a', from: 'y', to: 'x' } },
            { rename_field: { collection: 'a', from: 'tmp', to: 'y' } },
            { rename_collection: { from: 'a', to: 'tmp' } },
            { rename_collection: { from: 'b', to: 'a' } },
            { rename_collection: { from: 'tmp', to: 'b' } })),
        migration('0003_swap.json', file(
            { rename_field: { collection: 'b', from: 'x', to: 'z' } })),
        migration('0004_swap.json', file(
            { rename_field: { collection: 'b', from: 'y', to: 'x' } },
            { copy_field: { collection: 'b', from: 'z', to: 'zz' } })),
    ] },
    steps: [{ cmd: 'migrate' }, { cmd: 'finalize' }],
});

makeCase('model_rules_after_a_round', {
    description: 'a set whose last migration is for models, finalized; a ' +
        'second model migration afterwards runs alone, on what was written ' +
        'in between too',
    positions: [
        at(1, create('a/1', { v: n(1) }), create('a/2', { v: n(2) })),
        at(2, remove('a/2')),
    ],
    files: { 'more.ndjson': [{ position: 9, user_id: 4,
        information: 'late', events: [create('a/3', { v: n(3) })] }] },
    folders: (() => {
        const first = [
            migration('0002_name.json', file({ rename_field:
                { collection: 'a', from: 'v', to: 'w' } })),
            migration('0003_models.json', { type: 'model', rules: [
                { set_fields: { collection: 'a', fields: { one: true } } }] },
            { migrateModels: (models) => [...models].filter(([f, m]) =>
                f.startsWith('a/') && !m.deleted).map(([f]) =>
                update(f, { one: true })) }),
        ];
        return { migrations: first, 'migrations-b': [...first,
            migration('0004_models.json', { type: 'model', rules: [
                { set_default: { collection: 'a', fields: { one: false } } },
                { set_fields: { collection: 'a', fields: { x: n(1) },
                    where: { field: 'w', operator: '=', value: n(9) } } }] },
            { migrateModels: (models) => [...models].filter(([f, m]) =>
                f.startsWith('a/') && !m.deleted && !('one' in m.fields))
                .map(([f]) => update(f, { one: false })) })] };
    })(),
    steps: [
        { cmd: 'finalize' },
        { cmd: 'load', file: 'more.ndjson' },
        { cmd: 'stats', migrations: 'migrations-b' },
        { cmd: 'migrate', migrations: 'migrations-b' },
        { cmd: 'finalize', migrations: 'migrations-b' },
    ],
});
