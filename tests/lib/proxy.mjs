// SPDX-License-Identifier: Apache-2.0
// Stands before a server: passes on, serves pages of its own, and cuts what a
// test wants cut.
import { once } from 'node:events';
import http from 'node:http';

/**
 * Listens on loopback until the test ends. `pages` are {path: HTML or
 * {type, text}}; `answer(url, response)` may take a request over. Returns
 * {url, target, cut(pattern), heal()}: paths that match are cut off at once
 * and refused until heal; `target` can be changed.
 */
export async function proxy(t, target, pages = {},
    answer = () => false) {
    const open = new Set();
    const self = { target, cutting: null };
    const server = http.createServer((request, response) => {
        if (self.cutting?.test(request.url)) {
            request.socket.destroy();
            return;
        }
        const page = pages[request.url];
        if (page === undefined) {
            if (!answer(request.url, response)) pass(request, response);
        } else {
            response.writeHead(200, { 'Content-Type': page.type ??
                'text/html; charset=utf-8' });
            response.end(page.text ?? page);
        }
    });
    function pass(request, response) {
        const onward = http.request(self.target + request.url,
            { method: request.method, headers: request.headers, agent: false },
            (reply) => {
                response.writeHead(reply.statusCode, reply.headers);
                reply.pipe(response);
                reply.on('error', () => response.destroy());
            });
        onward.on('error', () => response.destroy());
        response.on('close', () => { onward.destroy(); open.delete(entry); });
        const entry = { url: request.url, response };
        open.add(entry);
        request.pipe(onward);
    }
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => { server.closeAllConnections(); server.close(); });
    self.url = `http://127.0.0.1:${server.address().port}`;
    self.cut = (pattern) => {
        self.cutting = pattern;
        for (const { url, response } of open) {
            if (pattern.test(url)) response.destroy();
        }
    };
    self.heal = () => { self.cutting = null; };
    return self;
}
