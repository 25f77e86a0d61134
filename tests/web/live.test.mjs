// SPDX-License-Identifier: Apache-2.0
// How the dashboard asks when there is no stream, without a page.
import assert from 'node:assert/strict';
import test from 'node:test';

import { Live } from '../../web/live.js';

const SERVER = {
    result: async () => ({ status: 'running' }),
    progress: async () => ({ phase: 'prepare' }),
    ask: async (path) => ({ path, run: 2 }),
};

function listen() {
    const taken = [];
    const told = [];
    return { taken, told, live: new Live(SERVER,
        (type, data) => taken.push([type, data]), (how) => told.push(how)) };
}

test('the progress of a new run is there before the run is known',
    async () => {
        const { live, taken, told } = listen();

        await live.poll(new AbortController().signal);

        assert.deepEqual(taken.map(([type]) => type),
            ['status', 'progress', 'checks']);
        assert.deepEqual(taken.at(-1)[1], { path: '/migrate/checks', run: 2 });
        assert.deepEqual(told, ['poll']);
    });

test('a look that was called off tells nothing', async () => {
    const { live, taken, told } = listen();
    const stopper = new AbortController();

    const asked = live.poll(stopper.signal);
    stopper.abort();
    await asked;

    assert.deepEqual([taken, told], [[], []]);
});
