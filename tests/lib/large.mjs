// SPDX-License-Identifier: Apache-2.0
// A store whose models do not fit into the least memory that is allowed, and
// migrations that ask for them: shared by the tests of each kind of store.
import assert from 'node:assert/strict';

import { assertSameDump, dumpText, makeRandom, must } from './godwit.mjs';

const MODELS = 500, UPDATES = 1500, BYTES = 40_000;

/** Models of BYTES each, then updates of some of them and, each tenth time,
 *  a deletion or the way back from it. */
export function largePositions() {
    const random = makeRandom(7);
    const gone = new Set();
    const of = (id, type, data) => ({ events: [
        { fqid: `box/${id}`, type, ...data && { data } }] });
    const made = Array.from({ length: MODELS }, (_, i) => of(i + 1, 'create',
        { n: 0, old: `${i}`.padEnd(BYTES, 'x') }));
    const changed = Array.from({ length: UPDATES }, (_, i) => {
        const id = 1 + random.below(MODELS);
        if (gone.delete(id)) return of(id, 'restore', null);
        if (i % 10 === 0) gone.add(id);
        return i % 10 === 0 ? of(id, 'delete', null)
            : of(id, 'update', { n: i });
    });
    return [...made, ...changed];
}

export const LARGE_MIGRATIONS = {
    '0002_rename.json': { rules: [
        { rename_field: { collection: 'box', from: 'old', to: 'new' } }] },
    '0003_ask.lua': `return { type = "event",
  migrate_event = function(event, ctx)
    if event.type ~= "update" then return end
    local before = ctx.old:get_model(event.fqid)
    local other = "box/" .. (event.id % ${MODELS} + 1)
    event.data.before = before.n
    if ctx.new:model_not_deleted(other) then
      event.data.beside = #ctx.new:get_model(other).new
    end
    return { event }
  end }`,
};

/** Little memory must make no difference but to the time. */
export function assertSameInLittleMemory(store, migrations) {
    const migrate = (...more) => must(['migrate', '--batch', '256KiB',
        ...more], { store, migrations });
    const finalize = () => {
        must(['finalize', '--memory', '16MiB'], { store, migrations });
        must(['verify', '--memory', '16MiB'], { store, migrations });
        const text = dumpText(store);
        must(['rollback'], { store, migrations });
        return text;
    };
    migrate();
    const want = finalize();

    migrate('--memory', '16MiB');
    assertSameDump(finalize(), want, 'in little memory');
    migrate('--memory', '16MiB', '--keyframe-events', '700');
    assertSameDump(finalize(), want, 'saved often');
    assert.ok(want.length > MODELS * BYTES);
}
