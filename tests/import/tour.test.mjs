// SPDX-License-Identifier: Apache-2.0
// The tour of docs/import.md, as it is written there.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { binary, cleanEnvironment, makeFolder, repo } from '../lib/godwit.mjs';
import { exported } from '../lib/wukongim/compare.mjs';
import { expected, sampleWorld, startDouble } from '../lib/wukongim.mjs';

/** The command lines of the page's tour. */
function commands() {
    const page = fs.readFileSync(path.join(repo, 'docs', 'import.md'), 'utf8');
    const tour = page.split(/^## /m).find((part) => part.startsWith('A tour'));
    return tour.split('\n').filter((line) => line.startsWith('    godwit '))
        .map((line) => line.trim());
}

/** Runs a line as a reader would, in the repository's folder. */
function runLine(line, { url, folder }) {
    const text = line.replaceAll('http://old:5001', url)
        .replaceAll('chat.db', path.join(folder, 'chat.db'))
        .replaceAll('report.json', path.join(folder, 'report.json'))
        .replace(/^godwit/, '"$GODWIT"');
    const child = spawn('/bin/sh', ['-c', text], { cwd: repo,
        env: cleanEnvironment({ GODWIT: binary }),
        stdio: ['ignore', 'ignore', 'pipe'] });
    let err = '';
    child.stderr.on('data', (piece) => { err += piece; });
    return new Promise((resolve) =>
        child.on('close', (code) => resolve({ code, err })));
}

async function modelsOf(store) {
    const models = {};
    for await (const line of exported(store, '--models')) {
        const { fqid, deleted, data } = JSON.parse(line);
        const [collection] = fqid.split('/');
        if (!deleted) (models[collection] ??= []).push(data);
    }
    return models;
}

test('the tour of the documentation leads to the new form', async (t) => {
    const world = sampleWorld({ users: 60, topics: 80, messages: 2000,
        quirks: false });
    const double = await startDouble(t, world);
    const folder = makeFolder(t);
    const lines = commands();
    const imports = lines.filter((line) => / import /.test(line));
    assert.ok(imports.length === 2 && lines.length >= 6, lines.join('\n'));

    let n = 0;
    for (const line of lines) {
        if (/ import /.test(line) && ++n === 2) {
            world.topics.get('2-tour') ?? world.topic(2, 'tour',
                { senders: ['user1'] }).append(25);
        }
        const r = await runLine(line, { url: double.url, folder });
        assert.equal(r.code, 0, `${line}: ${r.err}`);
    }

    const { counts, users, channels } = expected(world);
    const got = await modelsOf(path.join(folder, 'chat.db'));
    assert.equal(got.user.length, users.size);
    assert.equal(got.channel.length, channels.size);
    assert.equal(got.message.length, counts.messages);
    assert.equal(got.device, undefined, 'tokens stay behind');
    const ids = new Map(got.user.map((m) => [m.uid, m.id]));
    for (const channel of got.channel) {
        const type = { person: 1, group: 2, service: 3, community: 4, topic: 5,
            info: 6, data: 7 }[channel.kind];
        const { subscribers } = world.listOf(channel.channel_id, type);
        assert.deepEqual(channel.member_ids,
            [...new Set(subscribers ?? [])].map((uid) => ids.get(uid)));
        assert.ok(!('subscribers' in channel));
    }
    for (const message of got.message) {
        assert.equal(typeof message.text, 'string', JSON.stringify(message));
        assert.ok(!('payload' in message));
    }
});
