// SPDX-License-Identifier: Apache-2.0
// Wrong options, things that are no v1 server, and servers that lie: one
// clear message, the right exit status, little memory, nothing in the store.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';

import { assertRefused, describe, dump, isSanitized, makeFolder, run, setting }
    from '../lib/godwit.mjs';
import { assertImported, emptyStore, importInto, mustImport, readModels,
    reported } from '../lib/import.mjs';
import { startDouble, World } from '../lib/wukongim.mjs';

const QUICK = ['--max-tries', '2', '--give-up-after', '3s', '--quiet'];

/** Listens and does this with each connection. */
async function listen(t, take, make = net.createServer) {
    const server = make(take);
    const sockets = new Set();
    server.on('connection', (socket) => {
        socket.on('error', () => {});
        sockets.add(socket);
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
        for (const socket of sockets) socket.destroy();
        server.close();
    });
    return `http://127.0.0.1:${server.address().port}`;
}

test('wrong options are refused before anything is asked', async (t) => {
    const double = await startDouble(t);
    const store = emptyStore(t);
    const wrong = [
        [['import'], /SOURCE/],
        [['import', 'nothing', '--source', double.url], /nothing/],
        [['import', 'wukongim'], /--source/],
        [['import', 'wukongim', '--source', 'nonsense'], /URL/],
        [['import', 'wukongim', '--source', 'ftp://h/'], /URL/],
        [['import', 'wukongim', '--source', double.url, '--start-step',
            'messages'], /--start-step.*message/],
        [['import', 'wukongim', '--source', double.url, '--only-step', 'x'],
            /--only-step/],
        [['import', 'wukongim', '--source', double.url, '--start-step',
            'user', '--only-step', 'user'], /--only-step/],
        [['import', 'wukongim', '--source', double.url, '--parallel', '0'],
            /parallel/],
        [['import', 'wukongim', '--source', double.url, '--max-tries', '-1'],
            /tries/],
        [['import', 'wukongim', '--source', double.url, '--token-file',
            '/nowhere/token'], /\/nowhere\/token/],
        [['import', 'wukongim', '--source', double.url, '--token', 'x'],
            /--token/],
    ];

    for (const [args, pattern] of wrong) {
        assertRefused(run([...args, '--quiet'], { store }), 2, pattern);
    }
    assert.equal(double.ledger.n, 0);
});

test('a store that is not there is told before anything is asked',
    async (t) => {
        const double = await startDouble(t);

        const r = await importInto(path.join(makeFolder(t), 'none.db'), double,
            { args: ['--quiet'], report: false });

        assertRefused(r, 3, /none\.db/, /init/);
        assert.equal(double.ledger.n, 0);
    });

test('a report that cannot be written is told before the import',
    async (t) => {
        const double = await startDouble(t);
        const store = emptyStore(t);

        const r = await importInto(store, double, { report: false,
            args: ['--quiet', '--report', '/nowhere/report.json'] });

        assertRefused(r, [1, 2], /\/nowhere\/report\.json/);
        assert.deepEqual(dump(store).events, []);
    });

test('what is no v1 server is told from one', async (t) => {
    const store = emptyStore(t);
    const html = (status) => listen(t, (req, res) => {
        req.resume();
        res.writeHead(status, { 'Content-Type': 'text/html' })
            .end('<html>Welcome to nginx!</html>');
    }, http.createServer);
    const cases = [
        [await html(200), /JSON|nginx|text\/html/],
        [await html(403), /403/],
        [await html(404), /404/],
        [await listen(t, (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')),
            /HTTP/i],
        [await listen(t, (socket) => socket.end()), /./],
        [await listen(t, (req, res) => {
            req.resume();
            res.writeHead(302, { Location: 'http://127.0.0.1:9/' }).end();
        }, http.createServer), /302|redirect/i],
        [await listen(t, (req, res) => {
            req.resume();
            res.writeHead(200, { 'Content-Type': 'application/json' })
                .end('{"status":200,"msg":"ok"}');
        }, http.createServer), /./],
    ];

    for (const [url, pattern] of cases) {
        const r = await importInto(store, url,
            { args: QUICK, report: false });

        assertRefused(r, [1, 3], pattern);
        assert.deepEqual(dump(store).events, []);
    }
});

test('a redirect is not followed with the token', async (t) => {
    const store = emptyStore(t);
    const seen = [];
    const thief = await listen(t, (req, res) => {
        seen.push(req.headers);
        res.end('[]');
    }, http.createServer);
    const double = await startDouble(t, new World(), { token: 's3cret' });
    double.faults.order('redirect', { times: 1e9, to: thief });
    const file = `${store}-token`;
    fs.writeFileSync(file, 's3cret', { mode: 0o600 });

    const r = await importInto(store, double,
        { args: [...QUICK, '--token-file', file], report: false });

    assertRefused(r, 1, /302|redirect/i);
    assert.deepEqual(seen, []);
});

test('replies without end and too deep ones are cut off within little memory',
    { skip: isSanitized && 'a sanitizer needs more memory' }, async (t) => {
        const world = new World();
        world.token('a').channel('g', 2);
        world.topic(2, 'g', { senders: ['a'] }).append(3);
        const bytes = setting('GODWIT_IMPORT_GIANT', 100 << 20);
        for (const path of ['/migrate/allusers', '/migrate/channel',
            '/migrate/topics', '/channel/messagesync', '/conversation/sync']) {
            for (const kind of ['giant', 'deep']) {
                const double = await startDouble(t, world);
                const store = emptyStore(t);
                double.faults.order(kind, { path, times: 1e9, bytes });

                const r = await importInto(store, double,
                    { args: [...QUICK, '--max-tries', '1'], report: false });

                // a page or list that is too long is in the report
                assertRefused(r, [1, 4], r.code === 1 ? path : /report/);
            }
        }
    });

test('a server whose members have wrong types is refused by the member\'s name',
    async (t) => {
        const world = new World();
        world.token('a').channel('g', 2);
        world.topic(2, 'g', { senders: ['a'] }).append(3);
        world.conversation('a', 2, 'g');
        const lies = [
            ['/migrate/allusers', '[{"uid":7}]'],
            ['/migrate/allusers', '{"uid":"a"}'],
            ['/migrate/allusers', '[1,2]'],
            ['/migrate/allchannels', '[{"channel_id":"g","channel_type":"2"}]'],
            ['/migrate/allchannels', '[{"channel_id":"g","channel_type":-1}]'],
            ['/migrate/channel', '{"subscribers":"a,b"}'],
            ['/migrate/channel', '[]'],
            ['/migrate/topics', '[7]'],
            ['/channel/messagesync', '{"messages":{}}'],
            ['/channel/messagesync', '{"messages":[{"message_seq":"1"}]}'],
            ['/channel/messagesync', '{"messages":[{"message_seq":-5}]}'],
            ['/channel/messagesync', '{}'],
            ['/conversation/sync', '[{"channel_id":5}]'],
        ];
        for (const [path, text] of lies) {
            const double = await startDouble(t, world);
            const store = emptyStore(t);
            double.instead = (request) => request.path !== path ? null
                : { status: 200, type: 'application/json', pieces: [text] };

            const r = await importInto(store, double,
                { args: QUICK, report: false });

            assert.ok([1, 4].includes(r.code), `${text}: ${describe(r)}`);
            double.instead = null;
            await mustImport(store, double);
            await assertImported(store, world);
        }
    });

test('a server that gives the same page for ever does not keep the import ' +
    'busy for ever, nor does it double a message', async (t) => {
    const world = new World();
    world.topic(2, 'g', { senders: ['a'] }).append(50);
    const double = await startDouble(t, world, { warm: true });
    const store = emptyStore(t);
    let page = null;
    double.instead = (request) => {
        if (request.path !== '/channel/messagesync') return null;
        page ??= double.answer({ headers: {} }, request);
        return page;
    };

    const r = await importInto(store, double, { args: QUICK });

    assert.ok([0, 1, 4].includes(r.code), describe(r));
    assert.ok(double.ledger.requests['/channel/messagesync'] < 200);
    assert.equal((await readModels(store)).message.size, 50);
});

test('keys that the store\'s JSON could break on are kept as they are',
    async (t) => {
        const world = new World();
        const ids = ['"; DROP TABLE events; #', '\\', '\u0001\u001f', '%s%n',
            '\u2028', 'null', '漢字😀', '{"a":1}', ' ', 'a\tb\nc', '..', '~'];
        for (const id of ids) {
            world.token(id, { token: `t${id}` }).channel(id, 2)
                .members(id, 2, { subscribers: ids });
            world.topic(2, id, { senders: ids }).append(20);
            world.conversation(id, 2, id, { last_client_msg_no: id });
        }
        const double = await startDouble(t, world);
        const store = emptyStore(t);

        await mustImport(store, double);

        await assertImported(store, world);
    });

test('a message whose answer is no JSON is refused, those beside it come',
    async (t) => {
        const world = new World();
        world.topic(2, 'g', { senders: ['a'] }).append(50);
        const double = await startDouble(t, world, { warm: true });
        const store = emptyStore(t);
        double.instead = (request) => {
            if (request.path !== '/channel/messagesync') return null;
            const reply = double.answer({ headers: {} }, request);
            const text = String(reply.pieces[0]).replace(
                /"message_seq":(20|21),/g, '"message_seq":,');
            return { ...reply, pieces: [text] };
        };

        const r = await mustImport(store, double,
            { code: 4, args: ['--max-tries', '1'] });

        assert.deepEqual(reported(r, 'refused').map((x) => x.key),
            ['2-g/20', '2-g/21']);
        assert.equal((await readModels(store)).message.size, 48);
    });

test('what holds a NUL is left out and reported, all else comes', async (t) => {
    const world = new World();
    const nul = 'a\u0000b';
    for (let n = 0; n < 50; n++) world.token(`user${n}`);
    world.token(nul).token('user1', { flag: 1, token: `secret${nul}` })
        .channel(nul, 2).channel('g', 2)
        .members('g', 2, { subscribers: ['user1', nul, 'user2'] })
        .conversation('user1', 2, 'g', { last_client_msg_no: nul })
        .conversation('user1', 2, nul).conversation('user1', 2, 'h');
    world.topic(2, 'g', { senders: ['user1'] }).append(20)
        .append(1, { client_msg_no: nul })
        .append(1, { client_msg_no: '\\u0000' }).append(1, { streams: [
            { stream_seq: 1, client_msg_no: nul, blob: '' }] }).append(20);
    const double = await startDouble(t, world, { warm: true });
    const store = emptyStore(t);

    const r = await mustImport(store, double, { code: 4 });
    const again = await mustImport(store, double, { code: 4 });

    const { user, channel, device, message, conversation } =
        await readModels(store);
    assert.equal(user.size, 50);
    assert.equal(device.size, 50);
    assert.deepEqual([...channel.keys()].sort(), ['2-g', '2-h']);
    assert.deepEqual(channel.get('2-g').fields.subscribers,
        ['user1', 'user2']);
    assert.deepEqual([...conversation.keys()], ['user1 2-h']);
    assert.deepEqual([message.size, message.has('2-g 21'),
        message.has('2-g 23')], [41, false, false]);
    assert.equal(message.get('2-g 22').fields.client_msg_no, '\\u0000');
    for (const { report: { steps }, reportText } of [r, again]) {
        assert.equal(steps.user.refused, 2, reportText);
        assert.equal(steps.channel.refused, 2, 'the user\'s own too');
        assert.equal(steps.channel.unreadable, 1);
        assert.equal(steps.message.refused, 2);
        assert.equal(steps.conversation.refused, 2);
        assert.deepEqual(Object.values(steps).map((x) => x.differs +
            x.mangled), [0, 0, 0, 0, 0], reportText);
    }
    assert.doesNotMatch(r.reportText, /secret/);
});

test('numbers that no v1 server has do no harm', async (t) => {
    const most = '9223372036854775807';
    const lies = [
        ['/channel/max_message_seq', `{"message_seq":${most}}`],
        ['/channel/max_message_seq', '{"message_seq":4294967295}'],
        ['/channel/messagesync', `{"messages":[{"message_seq":${most}}]}`],
        ['/conversation/sync', `[{"channel_id":"g","channel_type":2,` +
            `"unread":-${most},"last_msg_seq":${most}}]`],
    ];
    for (const [path, text] of lies) {
        const world = new World();
        world.token('a');
        world.topic(2, 'g', { senders: ['a'] }).append(3);
        const double = await startDouble(t, world, { warm: true });
        const store = emptyStore(t);
        double.instead = (request) => request.path !== path ? null
            : { status: 200, type: 'application/json', pieces: [text] };
        double.faults.order('503', { path: '/migrate/allusers',
            retryAfter: '-1' });

        const r = await importInto(store, double, { args: QUICK });

        assert.ok([0, 4].includes(r.code), `${text}: ${describe(r)}`);
        assert.doesNotMatch(r.err, /runtime error/);
    }
});

test('members of a wrong type are refused, each by its name', async (t) => {
    const world = new World();
    world.token('a');
    const double = await startDouble(t, world, { warm: true });
    const store = emptyStore(t);
    const bodies = {
        '/migrate/allusers': '[{"uid":"a","device_flag":"1","token":"x"}]',
        '/migrate/allchannels': '[{"channel_id":"g","channel_type":2,' +
            '"ban":"yes"},{"channel_id":"h","channel_type":2,"large":true}]',
        '/conversation/sync': '[{"channel_id":"h","channel_type":2,' +
            '"unread":"3"},{"channel_id":"i","channel_type":2,"version":"x"},' +
            '{"channel_id":"h","channel_type":2}]',
    };
    double.instead = ({ path }) => !bodies[path] ? null : { status: 200,
        type: 'application/json', pieces: [bodies[path]] };

    const r = await mustImport(store, double, { code: 4 });

    const { channel, conversation } = await readModels(store);
    assert.deepEqual(channel.get('2-h').fields,
        { channel_id: 'h', channel_type: 2, large: true });
    assert.equal(conversation.size, 1);
    assert.equal(channel.size, 1);
    const { steps } = r.report;
    assert.deepEqual([steps.user, steps.channel, steps.conversation].map((x) =>
        [x.source, x.imported, x.refused, x.differs]),
    [[2, 1, 1, 0], [2, 1, 1, 0], [3, 1, 2, 0]], r.reportText);
    assert.match(r.reportText, /`unread`/);
});

test('ids of 255 bytes come; a name that no topic can have is not asked for',
    async (t) => {
        const world = new World();
        const long = 'x'.repeat(255);
        const fits = 'y'.repeat(253);
        world.token(long).token('z'.repeat(32)).channel(long, 2)
            .members(long, 2, { subscribers: [long] });
        world.topic(2, fits, { senders: [long] }).append(3);
        const double = await startDouble(t, world);
        const store = emptyStore(t);

        await mustImport(store, double);

        await assertImported(store, world);
    });

test('ids with a slash are read although the server lists a part of them',
    async (t) => {
        const world = new World();
        for (let n = 0; n < 30; n++) world.token(`user${n}`);
        world.channel('a/b', 2).channel('c/d/e', 4);
        // more than are looked at at a time
        for (let n = 0; n < 1100; n++) world.channel(`x${n}`, 3);
        world.topic(2, 'a/b', { senders: ['user1'] }).append(4);
        world.topic(4, 'c/d/e', { senders: ['user2'] }).append(5);
        world.person('user3', 'x/y').append(6);
        world.conversation('user3', 1, 'x/y');
        const double = await startDouble(t, world);
        const store = emptyStore(t);

        const r = await importInto(store, double);

        assert.ok([0, 4].includes(r.code), describe(r));
        await assertImported(store, world);
    });

test('a topic with a slash that nothing names is in the report', async (t) => {
    const world = new World();
    world.topic(2, 'hidden/x', { senders: ['a'] }).append(4);
    const double = await startDouble(t, world);
    const store = emptyStore(t);

    const r = await mustImport(store, double, { code: 4 });

    assert.match(JSON.stringify(r.report.items), /hidden/);
});

test('members split at a comma are repaired where the uid is known',
    async (t) => {
        const world = new World();
        for (let n = 0; n < 50; n++) world.token(`user${n}`);
        world.token('smith,john').channel('g', 2).members('g', 2,
            { subscribers: ['user1', 'smith,john', 'doe,jane', 'user2'] });
        const double = await startDouble(t, world);
        const store = emptyStore(t);

        const r = await importInto(store, double);

        assert.ok([0, 4].includes(r.code), describe(r));
        const { user, channel } = await readModels(store);
        assert.deepEqual(channel.get('2-g').fields.subscribers,
            ['user1', 'smith,john', 'doe', 'jane', 'user2']);
        assert.ok(!user.has('smith') && !user.has('john'));
    });
