// SPDX-License-Identifier: Apache-2.0
// A running `godwit serve` for tests, and asking it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';

import { start, waitFor } from './godwit.mjs';

/**
 * Starts a server on a port of its own, and ends it with the test.
 * `timeout` as in start: a server that is to be there for long needs it.
 * Returns {child, url, port, secret, ask, post, result, stop}.
 */
export async function serve(t, { store, migrations, args = [], env, timeout,
    listen = '127.0.0.1:0' }) {
    const child = start(['serve', '--listen', listen, ...args],
        { store, migrations, env, timeout });
    t.after(() => child.kill('SIGKILL'));
    const address = await waitFor(() => {
        assert.equal(child.exitCode, null, child.errText());
        return /listening.*?address"?[=:]"?([^\s",]+)/.exec(child.errText())
            ?.[1];
    }, 'the server listens');
    const secretFile = path.join(`${store}-godwit-state`, 'secret');
    const secret = fs.existsSync(secretFile)
        ? fs.readFileSync(secretFile, 'utf8').trim() : null;
    const place = address.startsWith('unix:')
        ? { socketPath: address.slice(5) }
        : { port: Number(new URL(address).port), host: '127.0.0.1',
            protocol: new URL(address).protocol };

    const server = { child, url: address, port: place.port, secret };
    server.ask = (what) => ask({ ...place, ...what });
    server.post = (body, headers = {}) => server.ask({ method: 'POST',
        path: '/internal/migrations/', body: typeof body === 'string' &&
            !/^\s*[{[]/.test(body) ? JSON.stringify({ cmd: body }) : body,
        headers: { Authorization: `Bearer ${secret}`,
            'Content-Type': 'application/json', ...headers } });
    server.result = async () =>
        (await server.ask({ path: '/migrate/result' })).json;
    server.stop = async (signal = 'SIGTERM') => {
        child.kill(signal);
        return child.ended;
    };
    /** Asks for progress until nothing runs any more. */
    server.untilEnded = async () => waitFor(async () => {
        const r = await server.post('progress');
        assert.equal(r.status, 200, r.text);
        return r.json.status === 'migration_running' ? null : r.json;
    }, 'the command ends', 60_000);
    return server;
}

/** One request; {status, headers, text, json, ms}. */
export function ask({ body, method = 'GET', headers = {}, ...options }) {
    const begin = performance.now();
    const library = options.protocol === 'https:' ? https : http;
    if (typeof body === 'object' && !Buffer.isBuffer(body)) {
        body = JSON.stringify(body);
    }
    if (body !== undefined && !('Transfer-Encoding' in headers)) {
        headers = { 'Content-Length': Buffer.byteLength(body), ...headers };
    }
    return new Promise((resolve, reject) => {
        const request = library.request({ method, headers, agent: false,
            rejectUnauthorized: false, ...options }, (answer) => {
            const pieces = [];
            answer.on('data', (piece) => pieces.push(piece));
            answer.on('error', reject);
            answer.on('end', () => {
                const text = Buffer.concat(pieces).toString('utf8');
                const type = answer.headers['content-type'] ?? '';
                resolve({ status: answer.statusCode, headers: answer.headers,
                    text, ms: performance.now() - begin,
                    json: type.startsWith('application/json') && text
                        ? JSON.parse(text) : undefined });
            });
        });
        request.on('error', reject);
        request.end(body);
    });
}

/** Reads server-sent events until `enough(events)`. */
export function readEvents({ enough, headers = {}, ms = 20_000, ...options }) {
    return new Promise((resolve, reject) => {
        const events = [];
        let text = '';
        const request = http.request({ path: '/migrate/events', headers,
            agent: false, ...options }, (answer) => {
            if (answer.statusCode !== 200) {
                reject(new Error(`status ${answer.statusCode}`));
            }
            answer.setEncoding('utf8');
            answer.on('data', (piece) => {
                text += piece;
                const blocks = text.split('\n\n');
                text = blocks.pop();
                for (const block of blocks) take(block);
                if (enough(events)) finish();
            });
            answer.on('end', finish);
        });
        const timer = setTimeout(() => {
            request.destroy();
            reject(new Error(`too few events: ${JSON.stringify(events)}`));
        }, ms);
        function take(block) {
            const fields = Object.fromEntries(block.split('\n')
                .filter((line) => !line.startsWith(':'))
                .map((line) => line.split(/: (.*)/s).slice(0, 2)));
            if (fields.event) {
                events.push({ id: fields.id, type: fields.event,
                    data: JSON.parse(fields.data) });
            }
        }
        function finish() {
            clearTimeout(timer);
            request.destroy();
            resolve(events);
        }
        request.on('error', (e) => enough(events) ? finish() : reject(e));
        request.end();
    });
}

