// SPDX-License-Identifier: Apache-2.0
// List changes that meet what is no list, in fields that rules take away or
// rename, so that only the keyframe before them can tell: shared by the tests
// of each kind of store.
import assert from 'node:assert/strict';

import { assertRefused, dumpText, load, must, run } from './godwit.mjs';

/** Of most boxes `gone` is no list, of box/1 and all notes it is one, and
 *  box/2 has none. */
const POSITIONS = [
    ...Array.from({ length: 9 }, (_, i) => ({ events: [{ fqid: `box/${i + 1}`,
        type: 'create', data: { id: i + 1, name: 'n',
            ...i === 0 ? { gone: [1] } : i === 1 ? {} : { gone: i } } }] })),
    ...Array.from({ length: 9 }, (_, i) => ({ events: [{ fqid: `note/${i + 1}`,
        type: 'create', data: { id: i + 1, gone: [i] } }] })),
];

const MIGRATIONS = {
    '0002_gone.json': { rules: ['box', 'note'].map((collection) =>
        ({ remove_fields: { collection, fields: ['gone'] } })) },
    '0003_title.json': { rules: [
        { rename_field: { collection: 'box', from: 'name', to: 'title' } }] },
};

export { MIGRATIONS as LIST_MIGRATIONS };

const adds = (fqid, field = 'gone') =>
    [fqid, JSON.stringify({ add: { [field]: [7] }, remove: {} })];

/** `append(fqid, data)` writes a listfields event past `load`, which looks
 *  at models itself; `store` is empty. */
export function assertListsAreTold(store, migrations, append, sql) {
    const migrate = (...more) => run(['migrate', '--quiet', ...more],
        { store, migrations });
    const assertMigrates = (...more) => {
        const r = migrate(...more);
        assert.equal(r.code, 0, r.err);
    };
    const assertTold = (fqid, field, ...more) => {
        const position = Number(sql('SELECT max(position) FROM positions;'));
        assertRefused(migrate(...more), 1, `position ${position}`,
            `'${field}' of model ${fqid} is no list`);
        sql(`DELETE FROM events WHERE position = ${position};` +
            `DELETE FROM positions WHERE position = ${position};`);
    };
    load(store, POSITIONS);
    append(...adds('box/5'));
    assertTold('box/5', 'gone'); // in the run that has seen it all
    assertMigrates();

    for (const fqid of ['box/1', 'box/2', 'note/3']) append(...adds(fqid));
    assertMigrates(); // those of a later run come from what was saved
    append(...adds('box/4', 'name'));
    assertTold('box/4', 'name');
    append(...adds('box/3'));
    assertTold('box/3', 'gone');
    load(store, [{ events: [{ fqid: 'box/1', type: 'update',
        data: { gone: 0 } }] }, { events: [{ fqid: 'box/9',
        type: 'deletefields', data: ['gone'] }] }]);
    assertMigrates('--keyframe-events', '1');
    append(...adds('box/9'));
    assertMigrates();
    append(...adds('box/1'));
    assertTold('box/1', 'gone');
    must(['finalize'], { store, migrations });
    must(['verify'], { store, migrations });
    assert.ok(!dumpText(store).includes('"gone"'));
}
