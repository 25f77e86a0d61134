// SPDX-License-Identifier: Apache-2.0
// A server that says what a test wants.
import { once } from 'node:events';
import http from 'node:http';

/**
 * Listens on loopback until the test ends. `answer(request, response, body)`
 * is called for each request. Returns {url, port, asked, server}; `asked`
 * has {method, url, headers, body} of each.
 */
export async function pretend(t, answer, { port = 0 } = {}) {
    const asked = [];
    const server = http.createServer(async (request, response) => {
        let body = '';
        for await (const piece of request) body += piece;
        asked.push({ method: request.method, url: request.url,
            headers: request.headers, body });
        answer(request, response, body);
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => { server.closeAllConnections(); server.close(); });
    return { asked, server, port: server.address().port,
        url: `http://127.0.0.1:${server.address().port}` };
}

export function say(response, status, object) {
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(object));
}
