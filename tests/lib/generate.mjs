// SPDX-License-Identifier: Apache-2.0
// A small deterministic store: positions of a chat application, every event
// valid, all six types, values that are easily broken (large integers,
// decimals, escapes, empty containers).
import { makeRandom } from './godwit.mjs';

const TEXTS = ['plain', 'quote " and back\\slash', 'tab\tand\nline', 'é ü 漢字',
    '\u{1F600} outside of the plane', '', ' ', '\u007f\u0080\u2028'];
// as JSON text, since a JavaScript number does not hold them
const NUMBERS = ['9007199254740993', '-9223372036854775808',
    '123456789012345678901234567890', '1.10', '0.000001', '-0.5', '0'];

class Generator {
    constructor(seed) {
        this.random = makeRandom(seed);
        this.next = { user: 1, room: 1, message: 1, draft: 1 };
        this.alive = { user: [], room: [], message: [], draft: [] };
        this.gone = [];
        this.nick = new Set();
    }

    text() {
        return JSON.stringify(this.random.pick(TEXTS));
    }

    fields(collection, id) {
        const r = this.random;
        switch (collection) {
        case 'user':
            this.nick.add(`user/${id}`);
            return [['id', id], ['name', this.text()], ['nick', this.text()],
                ['lang', r.pick(['"de_DE"', '"en"', '1'])], ['tags', '[]'],
                ['number', r.pick(NUMBERS)]];
        case 'room':
            return [['id', id], ['name', this.text()],
                ['member_ids', `[${r.below(9) + 1},${r.below(9) + 20}]`],
                ['settings', '{"deep":{"list":[[],{},null,1.50]}}']];
        case 'message':
            return [['id', id], ['content', this.text()],
                ['room_id', r.below(this.next.room) + 1],
                ['sent', r.pick(NUMBERS)], ['stars', r.below(6)]];
        default:
            return [['id', id], ['content', this.text()]];
        }
    }

    create(touched) {
        const r = this.random.below(10);
        const collection = r < 2 ? 'user' : r < 3 ? 'room'
            : r < 9 ? 'message' : 'draft';
        const id = this.next[collection]++;
        const fqid = `${collection}/${id}`;
        touched.add(fqid);
        this.alive[collection].push(id);
        return event(fqid, 'create', object(this.fields(collection, id)));
    }

    change(touched) {
        const collection = this.random.pick(['user', 'room', 'message']);
        const ids = this.alive[collection];
        if (ids.length === 0) return this.create(touched);
        const at = this.random.below(ids.length);
        const fqid = `${collection}/${ids[at]}`;
        if (touched.has(fqid)) return this.create(touched);
        touched.add(fqid);
        switch (this.random.below(8)) {
        case 0:
            ids.splice(at, 1);
            this.gone.push(fqid);
            return event(fqid, 'delete', 'null');
        case 1:
            return this.restore(touched) ?? this.create(touched);
        case 2:
            if (!this.nick.delete(fqid)) break;
            return event(fqid, 'deletefields', '["nick"]');
        case 3:
        case 4:
            if (collection === 'message') break;
            return this.lists(fqid, collection === 'user'
                ? 'tags' : 'member_ids');
        default:
        }
        return event(fqid, 'update', object(collection === 'message'
            ? [['content', this.text()], ['stars', this.random.below(6)]]
            : [['name', this.text()], ['score', this.random.pick(NUMBERS)]]));
    }

    restore(touched) {
        if (this.gone.length === 0) return null;
        const [fqid] = this.gone.splice(this.random.below(this.gone.length), 1);
        if (touched.has(fqid)) {
            this.gone.push(fqid);
            return null;
        }
        touched.add(fqid);
        const [collection, id] = fqid.split('/');
        this.alive[collection].push(Number(id));
        return event(fqid, 'restore', 'null');
    }

    lists(fqid, field) {
        const add = this.random.below(12) + 1;
        const remove = this.random.below(12) + 1;
        return event(fqid, 'listfields',
            `{"add":{"${field}":[${add},${add + 1}]},` +
            `"remove":{"${field}":[${remove}]}}`);
    }

    position(number) {
        const r = this.random;
        const touched = new Set();
        const events = [];
        for (let n = r.below(6) + (r.below(20) === 0 ? 0 : 1); n > 0; n--) {
            events.push(r.below(3) === 0
                ? this.create(touched) : this.change(touched));
        }
        const second = String(number % 60).padStart(2, '0');
        return `{"position":${number},` +
            `"timestamp":"2024-05-01T10:00:${second}+00:00",` +
            `"user_id":${r.below(9)},"information":${r.pick(['null',
                '{"why":"test"}', '["a",1]', '"text"'])},` +
            `"migration_index":1,"events":[${events.join(',')}]}`;
    }
}

function event(fqid, type, data) {
    return `{"fqid":"${fqid}","type":"${type}","data":${data}}`;
}

function object(fields) {
    return `{${fields.map(([k, v]) => `"${k}":${v}`).join(',')}}`;
}

/** n positions as lines of NDJSON; options: seed, gaps. */
export function generate(n, { seed = 1, from = 1, gaps = true } = {}) {
    const g = new Generator(seed);
    const lines = [];
    let number = from - 1;
    for (let i = 0; i < n; i++) {
        number += gaps && g.random.below(10) === 0 ? 3 : 1;
        lines.push(g.position(number));
    }
    return lines;
}

/** Migrations that use rules, both keyframes, additional events and a model
 *  migration; what must outlive a run is read from ctx. */
export const MIGRATIONS = {
    '0002_names.json': {
        description: 'users get a state, names are clearer, drafts go',
        rules: [
            { add_fields: { collection: 'user',
                fields: { is_active: true, roles: [] } } },
            { rename_field: { collection: 'user',
                from: 'name', to: 'username' } },
            { remove_fields: { collection: 'user', fields: ['nick'] } },
            { map_values: { collection: 'user', field: 'lang',
                map: [['de_DE', 'de'], [1, 'one']] } },
            { rename_collection: { from: 'room', to: 'channel' } },
            { drop_collection: { collection: 'draft' } },
        ],
    },
    '0003_number_messages.lua': `
local m = { type = "event" }

local function count(ctx)
  if not ctx.new:model_exists("counter/1") then return 0 end
  return ctx.new:get_model("counter/1").n
end

function m.migrate_event(event, ctx)
  if event.collection ~= "message" then return end
  if event.type == "create" then
    event.data.channel_exists =
      ctx:will_exist(godwit.fqid("channel", event.data.room_id))
    event.data.channel_id = event.data.room_id
    event.data.room_id = nil
    event.data.before = count(ctx)
    return { event }
  elseif event.type == "update" then
    event.data.edited = (ctx.new:get_model(event.fqid).edited or 0) + 1
    event.data.was = ctx.old:get_model(event.fqid).stars
    return { event }
  end
end

function m.additional_events(ctx)
  local n = count(ctx)
  if n == 0 and not ctx.new:model_exists("counter/1") then
    return { godwit.create("counter/1", { n = 1 }) }
  end
  return { godwit.update("counter/1", { n = n + 1 }) }
end

return m
`,
    '0004_defaults.json': { rules: [
        { set_default: { collection: 'message', fields: { stars: 0 } } },
        { copy_field: { collection: 'channel', from: 'id', to: 'weight' } },
        { rename_field: { collection: 'channel',
            from: 'member_ids', to: 'user_ids' } },
    ] },
    '0005_close.lua': `
return {
  type = "model",
  migrate_models = function(reader, ctx)
    local out = {}
    for id, user in pairs(reader:get_all("user")) do
      if user.lang == "de" then out[#out + 1] = id end
    end
    table.sort(out)
    local events = {}
    for _, id in ipairs(out) do
      events[#events + 1] = godwit.update(godwit.fqid("user", id),
        { lang = godwit.null, german = true })
    end
    return events
  end,
}
`,
};
