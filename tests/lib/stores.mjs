// SPDX-License-Identifier: Apache-2.0
// Stores and migrations that several tests of the server use.
import path from 'node:path';

import { makeFolder, makeStore, writeFiles } from './godwit.mjs';

export const RENAME = { rules: [
    { rename_field: { collection: 'a', from: 'f', to: 'g' } }] };

/** n positions, each the creation of a model of its own. */
export function positions(n) {
    return Array.from({ length: n }, (_, i) => ({ events: [
        { fqid: `a/${i + 1}`, type: 'create', data: { f: i } }] }));
}

/** A folder with a store of n positions and migrations of these files. */
export function prepare(t, { files = { '0002_rename.json': RENAME },
    n = 3 } = {}) {
    const folder = makeFolder(t);
    return { folder, store: makeStore(folder, positions(n)),
        migrations: writeFiles(path.join(folder, 'migrations'), files) };
}

/** Lua that runs `body` for each event; it has `first`, `event`, `ctx`. */
export function script(body) {
    return `
local first = true
return { type = "event", migrate_event = function(event, ctx)
  if first then godwit.log("start") first = false end
  ${body}
  return { event }
end }`;
}

/** Some milliseconds for each event, and a line for the first. */
export const SLOWLY = `local n = 0
  for i = 1, 100000 do n = n + i % 7 end
  event.data.n = n`;

export const slowMigration = (t, n = 1000, body = SLOWLY) =>
    prepare(t, { files: { '0002_slow.lua': script(body) }, n });
