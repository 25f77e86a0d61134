// SPDX-License-Identifier: Apache-2.0
// List changes that meet what is no list, in fields that rules take away or
// rename, so that only the keyframe before them can tell: shared by the tests
// of each kind of store.
import assert from 'node:assert/strict';

import { assertRefused, dumpText, load, must, run, writeFiles }
    from './godwit.mjs';

/** Of most boxes `gone` is no list, of box/1 and all notes it is one, and
 *  box/2 has none. */
const POSITIONS = [
    ...Array.from({ length: 9 }, (_, i) => ({ events: [{ fqid: `box/${i + 1}`,
        type: 'create', data: { id: i + 1, name: 'n',
            ...i === 0 ? { gone: [1] } : i === 1 ? {} : { gone: i } } }] })),
    ...Array.from({ length: 9 }, (_, i) => ({ events: [{ fqid: `note/${i + 1}`,
        type: 'create', data: { id: i + 1, gone: [i] } }] })),
];

const remove = (...fields) =>
    ({ remove_fields: { collection: 'box', fields } });
const DROP = { drop_collection: { collection: 'box' } };
const OTHER = { drop_collection: { collection: 'other' } };

/** An empty store that is migrated by rules; `sql` runs in it. */
class Subject {
    constructor({ store, folder, sql }) {
        Object.assign(this, { store, folder, sql });
    }

    /** The texts of 0002 and so on. */
    write(...texts) {
        this.migrations = writeFiles(this.folder, Object.fromEntries(
            texts.map((rules, i) => [`000${i + 2}_rules.json`, { rules }])));
    }

    migrate(...more) {
        return run(['migrate', '--quiet', ...more], this);
    }

    assertMigrates(...more) {
        const r = this.migrate(...more);
        assert.equal(r.code, 0, r.err);
    }

    /** Adds a list change past `load`, which looks at models itself. */
    change(fqid, field = 'gone') {
        const data = JSON.stringify({ add: { [field]: [7] }, remove: {} });
        this.sql('INSERT INTO positions (timestamp, user_id, migration_index)' +
            " VALUES ('2026-05-01T10:00:00+00:00', 0, 1);" +
            'INSERT INTO events (position, fqid, type, data, weight) VALUES (' +
            `(SELECT max(position) FROM positions), '${fqid}', 'listfields',` +
            ` '${data}', 1);`);
    }

    /** A list change is refused; it is taken back. */
    assertTold(fqid, field, ...more) {
        this.change(fqid, field);
        const last = Number(this.sql('SELECT max(position) FROM positions;'));
        assertRefused(this.migrate(...more), 1, `position ${last}`,
            `'${field}' of model ${fqid} is no list`);
        this.sql(`DELETE FROM events WHERE position = ${last};` +
            `DELETE FROM positions WHERE position = ${last};`);
    }
}

export function assertListsAreTold(given) {
    const s = new Subject(given);
    s.write(['box', 'note'].map((collection) =>
        ({ remove_fields: { collection, fields: ['gone'] } })),
    [{ rename_field: { collection: 'box', from: 'name', to: 'title' } }]);
    load(s.store, POSITIONS);
    s.assertTold('box/5', 'gone'); // in the run that has seen it all
    s.assertMigrates();

    for (const fqid of ['box/1', 'box/2', 'note/3']) s.change(fqid);
    s.assertMigrates(); // those of a later run come from what was saved
    s.assertTold('box/4', 'name');
    s.assertTold('box/3', 'gone');
    load(s.store, [{ events: [{ fqid: 'box/1', type: 'update',
        data: { gone: 0 } }] }, { events: [{ fqid: 'box/9',
        type: 'deletefields', data: ['gone'] }] }]);
    s.assertMigrates('--keyframe-events', '1');
    s.change('box/9');
    s.assertMigrates();
    s.assertTold('box/1', 'gone');
    must(['finalize'], s);
    must(['verify'], s);
    assert.ok(!dumpText(s.store).includes('"gone"'));
}

/** Texts of the first file, each for some positions, the last for a list change. */
export const EDITS = [
    { what: 'a field that is touched again', fqid: 'box/20', isList: true,
        texts: [[remove('gone')], [remove('x')], [remove('gone')]] },
    { what: 'a field that nobody touched meanwhile', fqid: 'box/20',
        isList: true, texts: [[remove('gone')],
            [OTHER],
            [remove('gone')]] },
    { what: 'a collection that is dropped now', fqid: 'box/1', isList: true,
        field: 'tags', texts: [[{ add_fields: { collection: 'box',
            fields: { tags: 'q' } } }], [DROP]] },
    { what: 'more fields than are told by bits', fqid: 'box/4', isList: false,
        texts: [[remove('gone')],
            [remove('gone', 'a', 'b', 'c', 'd', 'e', 'f')]] },
    { what: 'a collection that is dropped as well', fqid: 'box/4',
        isList: false, texts: [[remove('gone')], [remove('gone'), DROP]] },
    { what: 'a collection that nobody touched before', fqid: 'box/4',
        isList: false, texts: [[OTHER], [remove('gone')]] },
    { what: 'two levels that nobody looked at meanwhile', fqid: 'box/20',
        isList: false, value: 3, texts: [[remove('gone')], [OTHER], [remove('gone')]] },
];

/** What was saved for an old text is right for a new one. */
export function assertEditIsTold(given, { texts, fqid, isList,
    field = 'gone', value = [1] }) {
    const s = new Subject(given);
    const keep = ['--keep-migrated', '--keyframe-events', '1'];
    load(s.store, POSITIONS);
    texts.forEach((rules, n) => {
        s.write(rules, [OTHER]);
        load(s.store, [{ events: [{ fqid: `box/${20 + n - 1}`, type: 'create',
            data: { id: 20 + n - 1, gone: value } }] }]);
        s.assertMigrates(...keep);
    });
    if (!isList) return s.assertTold(fqid, field, ...keep);
    s.change(fqid, field);
    return s.assertMigrates(...keep);
}
