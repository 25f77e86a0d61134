// SPDX-License-Identifier: Apache-2.0
// The contract once more, as short and slow as possible: what a store holds
// after load, migrate and finalize. It shares no code and no idea with the
// program, so the two can only agree by being right. Always starts from the
// first position; keeps nothing between runs but the result.
//
// Values are plain JavaScript, except numbers: those that come from text are
// {number: "1.10"}, compared and printed as they were written.

/** Parses JSON exactly: numbers keep their text. */
export function parse(text) {
    let at = 0;
    const fail = () => { throw new SyntaxError(`JSON at ${at}`); };
    const space = () => { while (' \t\n\r'.includes(text[at] ?? '')
        && at < text.length) at++; };
    const take = (c) => { space(); if (text[at] !== c) fail(); at++; };
    const peek = () => { space(); return text[at]; };
    const string = () => {
        space();
        const end = /"(?:[^"\\]|\\.)*"/ys;
        end.lastIndex = at;
        const m = end.exec(text) ?? fail();
        at = end.lastIndex;
        return JSON.parse(m[0]);
    };
    const items = (open, close, one) => {
        take(open);
        if (peek() === close) { at++; return; }
        for (;;) {
            one();
            if (peek() === close) { at++; return; }
            take(',');
        }
    };
    const value = () => {
        const c = peek();
        if (c === '"') return string();
        if (c === '{') {
            const object = Object.create(null);
            items('{', '}', () => {
                const key = string();
                take(':');
                object[key] = value();
            });
            return object;
        }
        if (c === '[') {
            const list = [];
            items('[', ']', () => list.push(value()));
            return list;
        }
        const word =
            /true|false|null|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
        word.lastIndex = at;
        const m = word.exec(text) ?? fail();
        at = word.lastIndex;
        return { true: true, false: false, null: null }[m[0]] ??
            (m[0] === 'null' ? null : { number: m[0] });
    };
    const result = value();
    if (peek() !== undefined) fail();
    return result;
}

const isNumber = (x) => typeof x === 'object' && x !== null &&
    typeof x.number === 'string';
const isObject = (x) => typeof x === 'object' && x !== null &&
    !Array.isArray(x) && !isNumber(x);

/** JSON text with the keys of all objects in byte order. */
export function print(x) {
    if (isNumber(x)) return x.number;
    if (typeof x === 'bigint') return String(x);
    if (Array.isArray(x)) return `[${x.map(print).join(',')}]`;
    if (isObject(x)) {
        const keys = Object.keys(x).sort((a, b) =>
            Buffer.compare(Buffer.from(a), Buffer.from(b)));
        return `{${keys.map((k) =>
            `${JSON.stringify(k)}:${print(x[k])}`).join(',')}}`;
    }
    return JSON.stringify(x);
}

const same = (a, b) => print(a) === print(b);

/** Thrown where the contract says that the run stops. */
export class Stop extends Error {}

/** Applies an event to a map fqid → {deleted, position, fields}. */
export function apply(models, e, position) {
    let m = models.get(e.fqid);
    if (e.type === 'create') {
        if (m) throw new Stop(`Model ${e.fqid} already exists`);
        models.set(e.fqid, { deleted: false, position,
            fields: { ...e.data } });
        return;
    }
    if (!m) throw new Stop(`Model ${e.fqid} does not exist`);
    if (e.type === 'restore' && !m.deleted) {
        throw new Stop(`Model ${e.fqid} is not deleted`);
    }
    if (e.type !== 'restore' && m.deleted) {
        throw new Stop(`Model ${e.fqid} is deleted`);
    }
    m = { ...m, position, fields: { ...m.fields } };
    models.set(e.fqid, m);
    if (e.type === 'delete') m.deleted = true;
    if (e.type === 'restore') m.deleted = false;
    if (e.type === 'update') Object.assign(m.fields, e.data);
    if (e.type === 'deletefields') for (const f of e.data) delete m.fields[f];
    if (e.type === 'listfields') applyLists(m.fields, e.data);
}

function applyLists(fields, { add = {}, remove = {} }) {
    const had = new Set(Object.keys(fields));
    for (const [f, values] of Object.entries(add)) {
        const list = fields[f] ?? [];
        if (!Array.isArray(list)) throw new Stop(f);
        fields[f] = [...list,
            ...values.filter((v) => !list.some((old) => same(old, v)))];
    }
    for (const [f, values] of Object.entries(remove)) {
        if (!had.has(f)) continue;
        if (!Array.isArray(fields[f])) throw new Stop(f);
        fields[f] = fields[f].filter((old) =>
            !values.some((v) => same(old, v)));
    }
}

function saysNothing(e) {
    if (e.type === 'update') return Object.keys(e.data).length === 0;
    if (e.type === 'deletefields') return e.data.length === 0;
    return e.type === 'listfields' &&
        [e.data.add, e.data.remove].every((half) =>
            Object.values(half ?? {}).every((list) => list.length === 0));
}

const collectionOf = (fqid) => fqid.split('/')[0];
const clone = (e) => ({ ...e, data: copy(e.data) });

function copy(x) {
    if (Array.isArray(x)) return x.map(copy);
    if (isObject(x)) {
        return Object.fromEntries(
            Object.entries(x).map(([k, v]) => [k, copy(v)]));
    }
    return x;
}

// ---- rules: each takes an event of its collection and its arguments and
// returns the event, or null to drop it

const halves = (e) => [e.data.add ??= {}, e.data.remove ??= {}];
const written = (e) => e.type === 'create' || e.type === 'update';

const RULES = {
    add_fields(e, { fields }) {
        if (e.type === 'create') Object.assign(e.data, copy(fields));
        return e;
    },
    set_default(e, { fields }) {
        if (e.type === 'create') e.data = { ...copy(fields), ...e.data };
        return e;
    },
    remove_fields(e, { fields }) {
        for (const f of fields) {
            if (written(e)) delete e.data[f];
            else if (e.type === 'listfields') halves(e).map((h) => delete h[f]);
            else if (e.type === 'deletefields') removeFirst(e.data, f);
        }
        return e;
    },
    rename_field(e, { from, to }) {
        const move = (o) => {
            if (!(from in o)) return;
            const value = o[from];
            delete o[from];
            o[to] = value;
        };
        if (written(e)) move(e.data);
        else if (e.type === 'listfields') halves(e).map(move);
        else if (e.type === 'deletefields' && removeFirst(e.data, from)) {
            e.data.push(to);
        }
        return e;
    },
    map_values(e, { field, map }) {
        if (!written(e) || !(field in e.data)) return e;
        const pair = map.find(([old]) => same(old, e.data[field]));
        if (pair) e.data[field] = copy(pair[1]);
        return e;
    },
    rename_collection(e, { to }) {
        return { ...e, fqid: `${to}/${e.fqid.split('/')[1]}` };
    },
    drop_collection: () => null,
    copy_field(e, { from, to }) {
        if (e.type === 'create' && from in e.data) e.data[to] = e.data[from];
        return e;
    },
    wrap_in_list(e, { field }) {
        if (written(e) && field in e.data && !Array.isArray(e.data[field])) {
            e.data[field] = [e.data[field]];
        }
        return e;
    },
    remove_list_items(e, { field, items }) {
        const keep = (o) => {
            if (!Array.isArray(o[field])) return;
            o[field] = o[field].filter((v) => !items.some((i) => same(i, v)));
        };
        if (written(e)) keep(e.data);
        else if (e.type === 'listfields') halves(e).map(keep);
        return e;
    },
};

function removeFirst(list, value) {
    const at = list.indexOf(value);
    if (at >= 0) list.splice(at, 1);
    return at >= 0;
}

/** An event migration of a rules file (a parsed object). */
export function rules({ rules: list }) {
    return { migrateEvent(event) {
        let e = event;
        for (const rule of list) {
            const [[name, args]] = Object.entries(rule);
            const collection = args.collection ?? args.from;
            if (collectionOf(e.fqid) !== collection) continue;
            e = RULES[name](e, args);
            if (!e) return [];
        }
        return [e];
    } };
}

// ---- one position through one migration

class Keyframe {
    models = new Map();
    exists = (fqid) => this.models.has(fqid);
    alive = (fqid) => this.models.get(fqid)?.deleted === false;
    fields = (fqid) => copy(this.models.get(fqid).fields);
    ids = (collection) => [...this.models.keys()]
        .filter((f) => collectionOf(f) === collection && this.alive(f))
        .map((f) => BigInt(f.split('/')[1])).sort((a, b) => a < b ? -1 : 1);
}

function migratePosition(p, events, migration, index, old, next) {
    const status = new Map();
    for (const e of events) {
        if (e.type === 'create' || e.type === 'delete') {
            if (status.get(e.fqid) !== 'delete') status.set(e.fqid, e.type);
        }
    }
    const ctx = { old, new: next, position: p, index,
        willExist: (f) => (next.alive(f) && status.get(f) !== 'delete') ||
            status.get(f) === 'create' };
    const order = [...events.filter((e) => e.type === 'create'),
        ...events.filter((e) => e.type !== 'create')];
    const out = [];
    migration.positionInit?.(ctx);
    for (const e of order) {
        const given = migration.migrateEvent?.(clone(e), ctx) ?? [clone(e)];
        const kept = given.filter((g) => !saysNothing(g));
        apply(old.models, e, p.position);
        for (const g of kept) apply(next.models, g, p.position);
        out.push(...kept);
    }
    for (const g of migration.additionalEvents?.(ctx) ?? []) {
        apply(next.models, g, p.position);
        out.push(g);
    }
    return out;
}

/** A store as the contract has it. */
export class Store {
    positions = [];
    models = new Map();
    sequences = new Map();
    migrated = new Map(); // position → {index, events}

    get index() {
        return this.positions[0]?.migration_index ?? 1;
    }

    /** Appends positions; all must be right. */
    load(positions) {
        for (const given of positions) {
            const p = { user_id: 0, information: null,
                migration_index: this.index,
                position: (this.positions.at(-1)?.position ?? 0) + 1,
                ...given };
            for (const e of p.events) apply(this.models, e, p.position);
            this.positions.push(p);
        }
        this.raiseSequences();
    }

    raiseSequences() {
        for (const fqid of this.models.keys()) {
            const [collection, id] = fqid.split('/');
            const next = BigInt(id) + 1n;
            if (!(this.sequences.get(collection) >= next)) {
                this.sequences.set(collection, next);
            }
        }
    }

    eventTarget(migrations) {
        return 1 + migrations.filter((m) => !m.migrateModels).length;
    }

    /** migrations[i] has the index i + 2. A Stop leaves what came before. */
    migrate(migrations) {
        const target = this.eventTarget(migrations);
        this.result = this.models;
        if (this.index >= target) return;
        const frames = [];
        for (let i = this.index; i < target; i++) {
            frames[i] = { old: new Keyframe(), new: new Keyframe() };
        }
        const done = new Map();
        try {
            for (const p of this.positions) {
                let events = p.events;
                for (let i = this.index + 1; i <= target; i++) {
                    events = migratePosition(p, events, migrations[i - 2], i,
                        frames[i - 1].old, frames[i - 1].new);
                }
                done.set(p.position, { index: target, events });
            }
            this.result = frames[target - 1].new.models;
        } finally {
            for (const [position, what] of done) {
                this.migrated.set(position, what);
            }
        }
    }

    finalize(migrations) {
        if (this.positions.length === 0 ||
            this.index === 1 + migrations.length) return;
        this.migrate(migrations);
        for (const p of this.positions) {
            p.events = this.migrated.get(p.position)?.events ?? p.events;
        }
        this.models = this.result;
        this.sequences = new Map();
        migrations.forEach((m, i) => {
            if (!m.migrateModels || i + 2 <= this.index) return;
            const events = m.migrateModels(this.models);
            if (events.length === 0) return;
            const position = this.positions.at(-1).position + 1;
            for (const e of events) apply(this.models, e, position);
            this.positions.push({ position, user_id: 0, information: null,
                migration_index: i + 2, events });
        });
        for (const p of this.positions) {
            p.migration_index = 1 + migrations.length;
        }
        this.raiseSequences();
        this.migrated.clear();
    }

    reset() {
        this.migrated.clear();
    }

    stats(migrations) {
        const target = 1 + migrations.length;
        const goal = this.eventTarget(migrations);
        const rows = [...this.migrated.values()];
        const full = rows.filter((r) => r.index === target).length;
        const done = rows.filter((r) => r.index === goal).length;
        const status = this.index === target ? 'no_migration_required'
            : this.index < goal && done < this.positions.length
                ? 'migration_required' : 'finalization_required';
        const current = this.positions.length > 0 ? this.index : -1;
        return { status, current_migration_index: current,
            target_migration_index: target,
            positions: this.positions.length,
            events: this.positions.reduce((n, p) => n + p.events.length, 0),
            fully_migrated_positions: full,
            partially_migrated_positions: rows.length - full };
    }

    dump() {
        const rows = (position, events) => events.map((e, i) =>
            ({ position, weight: i + 1, fqid: e.fqid, type: e.type,
                data: e.data ?? null }));
        const models = {};
        for (const [fqid, m] of this.models) {
            models[fqid] = { deleted: m.deleted, data: { ...m.fields,
                meta_position: m.position, meta_deleted: m.deleted } };
        }
        return {
            positions: this.positions.map(
                ({ position, user_id, information, migration_index }) =>
                    ({ position, user_id, information, migration_index })),
            events: this.positions.flatMap((p) => rows(p.position, p.events)),
            models,
            id_sequences: Object.fromEntries(this.sequences),
            migration_positions: [...this.migrated].map(([position, m]) =>
                ({ position, migration_index: m.index })),
            migration_events: [...this.migrated].flatMap(([position, m]) =>
                rows(position, m.events)),
        };
    }
}
