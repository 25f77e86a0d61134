// SPDX-License-Identifier: Apache-2.0
// A store after an import against what was expected of it, item by item.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

import { binary, cleanEnvironment } from '../godwit.mjs';
import { expected, keys } from './expected.mjs';

/** Fields that hold ids, and what of. */
const REFERENCES = { user_id: 'user', channel_ref: 'channel',
    device_ids: 'device' };

/** The lines of `godwit export …` as they come. */
export async function* exported(store, ...args) {
    const child = spawn(binary, ['export', '--store', store, ...args],
        { env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise((resolve) => child.on('close', resolve));
    yield* createInterface({ input: child.stdout });
    assert.equal(await ended, 0, 'godwit export');
}

/** A model's line; integers that a number would round become text. */
function parseModel(line) {
    const { fqid, deleted, data } = JSON.parse(line.replace(
        /("message_id": ?)([0-9]+)/, '$1"$2"'));
    const [collection, id] = fqid.split('/');
    const { id: own, meta_position: position, meta_deleted: gone, ...fields } =
        data;
    assert.equal(own, Number(id), `${fqid}: its member id`);
    assert.equal(deleted || gone, false, `${fqid} is deleted`);
    assert.ok(Object.hasOwn(keys, collection), `${fqid}: what is that?`);
    return { collection, id: own, fields, position };
}

/**
 * All models of a store: {collection: Map(key → {id, fields})}, with keys in
 * the place of ids. Fails if a key is there twice, or a reference leads
 * nowhere.
 */
export async function readModels(store) {
    const models = Object.fromEntries(Object.keys(keys)
        .map((name) => [name, new Map()]));
    const byId = Object.fromEntries(Object.keys(keys)
        .map((name) => [name, new Map()]));
    for await (const line of exported(store, '--models')) {
        const { collection, id, fields } = parseModel(line);
        const key = keys[collection](fields);
        assert.ok(!models[collection].has(key),
            `${collection} ${key} is there twice: ${id} and ${
                models[collection].get(key)?.id}`);
        models[collection].set(key, { id, fields });
        byId[collection].set(id, key);
    }
    for (const [name, map] of Object.entries(models)) {
        for (const { id, fields } of map.values()) {
            resolve(fields, byId, `${name}/${id}`);
        }
    }
    return models;
}

function resolve(fields, byId, fqid) {
    for (const [name, collection] of Object.entries(REFERENCES)) {
        if (!Object.hasOwn(fields, name)) continue;
        const keyOf = (id) => {
            const key = byId[collection].get(id);
            assert.ok(key !== undefined,
                `${fqid}: ${name} ${id} leads nowhere`);
            return key;
        };
        fields[name] = Array.isArray(fields[name])
            ? fields[name].map(keyOf) : keyOf(fields[name]);
    }
}

/** Fields are compared as text of sorted members: quick, and exact. */
function textOf(fields) {
    return JSON.stringify(fields, Object.keys(fields).sort()
        .concat('stream_seq', 'client_msg_no', 'blob'));
}

/**
 * Fails unless the store holds exactly what the import of this world must
 * make; says the first differences. Returns what was expected.
 */
export async function assertImported(store, world) {
    const want = expected(world);
    const models = await readModels(store);
    const wrong = [];
    for (const [collection, key, fields] of want.models()) {
        const got = models[collection].get(key);
        if (!got) wrong.push(`${collection} ${key} is missing`);
        else if (textOf(got.fields) !== textOf(fields)) {
            wrong.push(`${collection} ${key} is ${textOf(got.fields)}, ` +
                `not ${textOf(fields)}`);
        }
        models[collection].delete(key);
    }
    for (const [collection, map] of Object.entries(models)) {
        for (const key of map.keys()) {
            wrong.push(`${collection} ${key} is one too many`);
        }
    }
    assert.equal(wrong.length, 0, `${wrong.length} differences:\n${
        wrong.slice(0, 12).map((text) => text.slice(0, 600)).join('\n')}`);
    return want;
}
