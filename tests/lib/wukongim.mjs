// SPDX-License-Identifier: Apache-2.0
// A test double of a WuKongIM v1 server: what it has stored (World), how it
// answers (Double), a server as one finds it (sampleWorld), and what an
// import must make of it (expected). In tests:
//
//     const double = await startDouble(t, sampleWorld({ seed: 1 }));
//     … double.url, double.world, double.faults, double.ledger
//
// By hand, printing its URL:
//
//     node tests/lib/wukongim.mjs --messages 1000000 --topics 3000
//
// Everything that it serves follows from the seed.
import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';

import { sampleWorld } from './wukongim/sample.mjs';
import { Double } from './wukongim/server.mjs';
import { World } from './wukongim/world.mjs';

export { expected } from './wukongim/expected.mjs';
export { Faults, PASSING } from './wukongim/faults.mjs';
export * from './wukongim/rules.mjs';
export { judge } from './wukongim/trust.mjs';
export { renderMessage } from './wukongim/topic.mjs';
export { Double, sampleWorld, World };

/** A double that listens on a port of its own and ends with the test. */
export async function startDouble(t, world = new World(), options = {}) {
    const double = await new Double(world, options).listen();
    t.after(() => double.close());
    return double;
}

const OPTIONS = {
    port: { type: 'string', default: '0' },
    host: { type: 'string', default: '127.0.0.1' },
    seed: { type: 'string', default: '1' },
    users: { type: 'string', default: '1000' },
    topics: { type: 'string', default: '3000' },
    messages: { type: 'string', default: '100000' },
    plain: { type: 'boolean', default: false },
    token: { type: 'string', default: '' },
    'no-migrate-api': { type: 'boolean', default: false },
    blocked: { type: 'boolean', default: false },
    warm: { type: 'boolean', default: false },
    framing: { type: 'string', default: 'auto' },
    prerender: { type: 'boolean', default: false },
    'page-ms': { type: 'string', default: '0' },
    'fault-rate': { type: 'string', default: '0' },
    'fault-kinds': { type: 'string' },
    ledger: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
};

function sayLedger({ requests, statuses, faults, messages, most }) {
    console.log(JSON.stringify({ requests, statuses, faults, messages,
        most }));
}

/** The options are those of sampleWorld, Double and Faults; page-ms is how long
 *  a page of messages takes to be found. */
async function main() {
    const { values: v } = parseArgs({ options: OPTIONS });
    if (v.help) {
        console.log(`node tests/lib/wukongim.mjs ${Object.entries(OPTIONS).map(
            ([name, { type, default: d }]) => `[--${name}${
                type === 'string' ? ` ${d || 'TEXT'}` : ''}]`).join(' ')}`);
        return;
    }
    const world = sampleWorld({ seed: Number(v.seed), users: Number(v.users),
        topics: Number(v.topics), messages: Number(v.messages),
        quirks: !v.plain });
    if (v.prerender) world.prerender();
    const faults = { rate: Number(v['fault-rate']), seed: Number(v.seed),
        ...(v['fault-kinds'] ? { kinds: v['fault-kinds'].split(',') } : {}) };
    const double = await new Double(world, { token: v.token, warm: v.warm,
        blocked: v.blocked, framing: v.framing, faults,
        migrateApi: !v['no-migrate-api'] }).listen(Number(v.port), v.host);
    if (v['page-ms'] !== '0') {
        double.onRequest = ({ path }) => path === '/channel/messagesync' &&
            new Promise((resolve) => setTimeout(resolve, v['page-ms']));
    }
    console.log(double.url);
    for (const signal of ['SIGINT', 'SIGTERM']) {
        process.on(signal, () => {
            if (v.ledger) sayLedger(double.ledger);
            process.exit(0);
        });
    }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
    await main();
}
