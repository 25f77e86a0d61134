// SPDX-License-Identifier: Apache-2.0
// The states that the dashboard can be in, each reached on a real server with
// a real store and a real migration. The tests look at them and
// dev/screenshots.mjs takes their pictures.
import { spawnSync } from 'node:child_process';
import path from 'node:path';

import { allows, says, visit } from './browser.mjs';
import { makeFolder, must, repo, setting, waitFor, writeFiles }
    from './godwit.mjs';
import { proxy } from './proxy.mjs';
import { serve } from './server.mjs';

const SAMPLE = process.env.GODWIT_SAMPLE ??
    path.join(repo, 'build', 'dev', 'godwit-sample');
const POSITIONS = setting('STATE_POSITIONS', 3000);
const SMALL = ['--batch', '512'];

const RENAME = { description: 'Messages name their author, not a sender.',
    rules: [{ rename_field: { collection: 'message', from: 'sender_id',
        to: 'author_id' } }] };

/** Lua for the messages; `body` may look at `event` and `n`. */
const script = (body) => `
local n = 0
return { type = "event", description = "Counts the words of a message.",
  migrate_event = function(event, ctx)
    n = n + 1
    if n % 500 == 1 then godwit.log("words counted, " .. n .. " events") end
    ${body}
    return { event }
  end }`;
const COUNT = `if event.fqid:match("^message/") and event.data and
        type(event.data.content) == "string" then
      local words = 0
      for _ in event.data.content:gmatch("%S+") do words = words + 1 end
      event.data.words = words
    end`;
const slowly = (loops) => `${COUNT}
    for i = 1, ${loops} do local _ = i % 7 end`;
const FAIL = `${COUNT}
    if n == 1700 then
      error("the content of " .. event.fqid .. " is no UTF-8")
    end`;

/** A store like that of a chat application, and migrations. */
function prepare(t, body = COUNT) {
    const folder = makeFolder(t);
    const store = path.join(folder, 'chat.db');
    must(['init'], { store });
    const sample = spawnSync(SAMPLE, ['--positions', String(POSITIONS)],
        { maxBuffer: 1 << 28 });
    must(['load', '-'], { store, input: sample.stdout });
    return { store, migrations: writeFiles(path.join(folder, 'migrations'),
        { '0002_author.json': RENAME, '0003_words.lua': script(body) }) };
}

async function open(t, body, options = {}) {
    const p = prepare(t, body);
    const server = await serve(t, { ...p, args: SMALL });
    await waitFor(async () => (await server.ask({ path: '/migrate/checks' }))
        .json.looked_at, 'the store is looked at');
    return { ...p, server, page: await visit(t, server.url, options) };
}

async function run(server, cmd) {
    await server.post(cmd);
    return server.untilEnded();
}

const isFar = (server) => waitFor(async () =>
    (await server.post('progress')).json.progress.positions_done >
        POSITIONS / 6, 'it is on its way');

/** name: async (t, options of the page) => {page, server} */
export const STATES = {
    async idle(t, options) {
        const now = await open(t, COUNT, options);
        await says(now.page, '#state', 'Migration required');
        await allows(now.page, ['import', 'migrate', 'finalize', 'verify']);
        return now;
    },

    async running(t, options) {
        const now = await open(t, slowly(100_000), options);
        await now.server.post('migrate');
        await says(now.page, '#state', 'Migrating');
        await isFar(now.server);
        await allows(now.page, ['pause', 'cancel']);
        return now;
    },

    async paused(t, options) {
        const now = await open(t, slowly(50_000), options);
        await now.server.post('migrate');
        await isFar(now.server);
        await now.server.post('pause');
        await says(now.page, '#state', 'Paused');
        await allows(now.page, ['resume', 'cancel']);
        return now;
    },

    async migrated(t, options) {
        const now = await open(t, slowly(8_000), options);
        await run(now.server, 'migrate');
        await run(now.server, 'verify');
        await says(now.page, '#state', 'Ready to finalize');
        await says(now.page, '#ready', 'Yes');
        await says(now.page, '#history tr:first-child [data-column=command]',
            'verify');
        return now;
    },

    async completed(t, options) {
        const now = await open(t, COUNT, options);
        await run(now.server, 'migrate');
        await run(now.server, 'finalize');
        await says(now.page, '#state', 'Up to date');
        await says(now.page, '#history tr:first-child [data-column=result]',
            'completed');
        await allows(now.page, ['import', 'verify', 'rollback', 'discard']);
        return now;
    },

    async failed(t, options) {
        const now = await open(t, FAIL, options);
        await run(now.server, 'migrate');
        await says(now.page, '#status', 'failed');
        await says(now.page, '#error-text', /is no UTF-8/);
        await says(now.page, '#error-where', /file 0003_words\.lua/);
        await says(now.page, '#history tr:first-child [data-column=result]',
            'failed');
        await says(now.page, '#error-next', /Correct the migration/);
        return now;
    },

    async interrupted(t, options) {
        const now = await open(t, slowly(50_000), options);
        await now.server.post('migrate');
        await isFar(now.server);
        await says(now.page, '#state', 'Migrating');
        await now.server.stop('SIGKILL');
        await says(now.page, '#banner', /does not answer/);
        now.server = await serve(t, { ...now, args: SMALL,
            listen: `127.0.0.1:${now.server.port}` });
        await says(now.page, '#error-text', /interrupted by a restart/);
        await says(now.page, '#history tr:first-child [data-column=result]',
            'interrupted');
        await says(now.page, '#error-next', /Start again/);
        await now.page.waitForSelector('#banner', { state: 'hidden' });
        return now;
    },

    async away(t, options) {
        const now = await open(t, COUNT, options);
        await run(now.server, 'migrate');
        await says(now.page, '#state', 'Ready to finalize');
        await now.server.stop('SIGKILL');
        await says(now.page, '#banner', /The server does not answer/);
        await says(now.page, '#live-text', 'The server is away');
        await allows(now.page, []);
        return now;
    },

    async polling(t, options) {
        const p = prepare(t, slowly(50_000));
        const server = await serve(t, { ...p, args: SMALL });
        const between = await proxy(t, server.url);
        between.cut(/^\/migrate\/events/);
        const page = await visit(t, between.url, options);
        await says(page, '#live-text', 'Asking every 2 s');
        await server.post('migrate');
        await says(page, '#state', 'Migrating');
        return { ...p, server, page, between };
    },

    async previewed(t, options) {
        const now = await open(t, COUNT, options);
        await now.page.evaluate((secret) =>
            sessionStorage.setItem('godwit-secret', secret),
        now.server.secret);
        await now.page.fill('#preview-position', '120');
        await now.page.selectOption('#preview-limit', '1');
        await now.page.click('#preview-show');
        await now.page.waitForSelector('#preview .pair');
        return now;
    },
};

/** Brings a page into a state. */
export function reach(t, name, options = {}) {
    return STATES[name](t, options);
}
