// SPDX-License-Identifier: Apache-2.0
// What the pending migrations do to the data: events before and after, field
// by field, of the positions that are asked for. Writes nothing.
import { byId, count, element, setHidden, setText, sync, visible }
  from './format.js';

const VALUE_SHOWN = 240; /* characters, until more are asked for */
const EVENTS_SHOWN = 50; /* of one migration at one position */
const FIELDS_SHOWN = 100;
const PAIRS_MOST = 250_000; /* beyond that nothing is paired */

/** A number that JavaScript would round: as it was written. */
class Exact {
  constructor(source) { this.source = source; }
}

/** As JSON.parse, but numbers keep their digits. */
export function parseExact(text) {
  return JSON.parse(text, (_, value, context) =>
    typeof value === 'number' && context?.source !== undefined
      && String(value) !== context.source ? new Exact(context.source) : value);
}

export function show(value) {
  if (value instanceof Exact) return value.source;
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (value !== null && typeof value === 'object') {
    return `{${Object.entries(value).map(([key, inner]) =>
      `${JSON.stringify(key)}: ${show(inner)}`).join(', ')}}`;
  }
  return JSON.stringify(value);
}

/* How an event is found again, the surest way first. */
const LIKENESS = [
  (a, b) => a.fqid === b.fqid && a.type === b.type
    && show(a.data) === show(b.data),
  (a, b) => a.fqid === b.fqid && a.type === b.type,
  (a, b) => a.fqid === b.fqid,
  /* a collection that is called otherwise now */
  (a, b) => a.type === b.type && idOf(a) === idOf(b),
];
const idOf = ({ fqid }) => fqid.slice(fqid.indexOf('/'));

/**
 * Pairs of events [before, after] that are about the same, in the order of
 * those before; one is null where there is none, the new ones at the end.
 */
export function pairEvents(before, after) {
  const rest = new Set(after);
  const found = new Map();
  if (before.length * after.length <= PAIRS_MOST) {
    for (const isLike of LIKENESS) {
      for (const event of before) {
        if (found.has(event)) continue;
        for (const other of rest) {
          if (!isLike(event, other)) continue;
          found.set(event, other);
          rest.delete(other);
          break;
        }
      }
    }
  }
  return [...before.map((event) => [event, found.get(event) ?? null]),
    ...[...rest].map((added) => [null, added])];
}

/** Fields of a pair's data: [name, text before, text after]; null: none. */
export function pairFields(before, after) {
  const fieldsOf = (event) =>
    event?.data !== null && typeof event?.data === 'object'
      && !Array.isArray(event.data) && !(event.data instanceof Exact)
      ? new Map(Object.entries(event.data)) : new Map();
  const [old, now] = [fieldsOf(before), fieldsOf(after)];
  return [...new Set([...old.keys(), ...now.keys()])].map((name) => [name,
    old.has(name) ? show(old.get(name)) : null,
    now.has(name) ? show(now.get(name)) : null]);
}

function valueNode(text) {
  if (text === null) return null;
  const node = element('span', { class: 'value' });
  const rest = text.length - VALUE_SHOWN;
  if (rest <= 0) {
    node.textContent = visible(text);
    return node;
  }
  const more = element('button', { type: 'button', class: 'quiet more' },
    `show ${count(rest)} more characters`);
  more.addEventListener('click', () => {
    node.textContent = visible(text);
  });
  node.append(`${visible(text.slice(0, VALUE_SHOWN))}… `, more);
  return node;
}

function fieldNode([name, old, now], index) {
  const isSame = old === now;
  const mark = isSame ? null : index === 1 ? 'removed' : 'added';
  return element('div', { class: isSame ? 'same' : 'changed' },
    element('dt', {}, mark
      ? element('span', { class: 'heard' }, `${mark} `) : null,
    visible(name)),
    element('dd', {}, valueNode(index === 1 ? old : now)));
}

function sideNode(side, event, other, fields) {
  if (!event) {
    return element('div', { class: `side ${side} none` }, side === 'before'
      ? 'No such event before' : 'Dropped');
  }
  const index = side === 'before' ? 1 : 2;
  const mine = fields.filter((field) => field[index] !== null);
  const has = (key) => !other || other[key] === event[key];
  const box = element('div', { class: `side ${side}` },
    element('p', { class: 'event-name' },
      element('code', { class: has('fqid') ? null : 'changed' },
        visible(event.fqid)), ' ',
      element('span', { class: has('type') ? 'type' : 'type changed' },
        event.type)));
  const list = element('dl', { class: 'fields' },
    ...mine.slice(0, FIELDS_SHOWN).map((field) => fieldNode(field, index)));
  if (mine.length > FIELDS_SHOWN) {
    list.append(element('div', {}, element('dt', {}, '…'), element('dd', {},
      `${count(mine.length - FIELDS_SHOWN)} more fields`)));
  }
  if (mine.length) box.append(list);
  return box;
}

function pairNode([before, after], withSame) {
  const fields = pairFields(before, after);
  const same = before && after && !withSame
    ? fields.filter(([, old, now]) => old === now) : [];
  const shown = fields.filter((field) => !same.includes(field));
  return element('div', { class: 'pair' },
    sideNode('before', before, after, shown),
    sideNode('after', after, before, shown),
    same.length ? element('p', { class: 'kept' }, 'As before: ',
      visible(same.slice(0, FIELDS_SHOWN).map(([name]) => name).join(', ')),
      same.length > FIELDS_SHOWN ? ', …' : null) : null);
}

const isSame = ([before, after]) => before && after
  && before.fqid === after.fqid && before.type === after.type && show(before.data) === show(after.data);

export class Preview {
  /** `getSecret` gives it, or null when it is not given. */
  constructor(server, getSecret) {
    this.server = server;
    this.getSecret = getSecret;
    this.box = byId('preview');
    this.status = byId('preview-status');
    this.changes = [];
    byId('preview-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.load();
    });
    byId('preview-next').addEventListener('click', () => {
      byId('preview-position').value = String(this.last + 1n);
      this.load();
    });
    for (const id of ['preview-migration', 'preview-same']) {
      byId(id).addEventListener('change', () => this.draw());
    }
  }

  showPosition(position) {
    byId('preview-position').value = position;
    byId('preview-limit').value = '1';
    byId('preview-migration').value = '';
    byId('data').scrollIntoView({ block: 'start' });
    return this.load();
  }

  async load() {
    const from = byId('preview-position').value.trim() || '0';
    const limit = byId('preview-limit').value;
    if (!await this.getSecret()) return;
    const show_ = byId('preview-show');
    show_.disabled = true;
    setText(this.status, 'Running the migrations up to there…');
    try {
      const response = await this.fetch(from, limit);
      this.take(response, limit);
    } catch (error) {
      setText(this.status, `${error.message}.`);
    } finally {
      show_.disabled = false;
    }
  }

  async fetch(from, limit) {
    const response = await fetch(`/migrate/preview?position=${encodeURIComponent(from)}&limit=${limit}`,
    { headers: this.server.credentials(), cache: 'no-store' });
    const answer = parseExact(await response.text());
    if (!response.ok) throw new Error(answer.message ?? response.statusText);
    return answer;
  }

  take({ changes, truncated, error }, limit) {
    this.changes = changes;
    const positions = new Set(changes.map((c) => show(c.position)));
    const lastOf = changes.at(-1)?.position;
    this.last = lastOf === undefined ? null : BigInt(show(lastOf));
    byId('preview-next').disabled = this.last === null
      || (positions.size < Number(limit) && !truncated);
    setText(this.status, [
      changes.length === 0 && !error ? 'Nothing is changed from there on.'
        : `${count(positions.size)} changed `
          + `${positions.size === 1 ? 'position' : 'positions'}.`,
      truncated ? 'There is more than can be shown; ask for fewer.' : null,
      error ? `Then: ${visible(error)}` : null].filter(Boolean).join(' '));
    this.fillMigrations();
    this.draw();
  }

  clear() {
    this.changes = [];
    setText(this.status, '');
    this.draw();
  }

  fillMigrations() {
    const select = byId('preview-migration');
    const chosen = select.value;
    const names = [...new Set(this.changes.map((c) => c.migration))];
    select.replaceChildren(element('option', { value: '' }, 'all'),
      ...names.map((name) => element('option', { value: name },
        visible(name))));
    select.value = names.includes(chosen) ? chosen : '';
  }

  draw() {
    const only = byId('preview-migration').value;
    const parts = [];
    let position = null;
    for (const change of this.changes) {
      if (only && change.migration !== only) continue;
      if (show(change.position) !== position) {
        position = show(change.position);
        parts.push(element('h3', {}, `Position ${position}`));
      }
      parts.push(this.changeNode(change));
    }
    this.box.replaceChildren(...parts);
  }

  changeNode({ migration, before, after }) {
    const pairs = pairEvents(before, after);
    const changed = pairs.filter((pair) => !isSame(pair));
    const same = pairs.length - changed.length;
    const rest = changed.length - EVENTS_SHOWN;
    return element('article', { class: 'change', 'data-migration': migration },
      element('h4', {}, element('code', {}, visible(migration)),
        same ? element('span', { class: 'hint' }, ` ${count(same)} other `
          + `${same === 1 ? 'event stays' : 'events stay'} as ${same === 1
            ? 'it is' : 'they are'}`) : null),
      element('div', { class: 'sides', 'aria-hidden': 'true' },
        element('span', {}, 'Before'), element('span', {}, 'After')),
      ...changed.slice(0, EVENTS_SHOWN).map((pair) => pairNode(pair,
        byId('preview-same').checked)),
      rest > 0 ? element('p', { class: 'hint' },
        `${count(rest)} more events are changed`) : null);
  }

  drawPending({ checks }) {
    if (!checks) return;
    const total = checks.pending_total;
    setText(byId('pending-total'), `${count(total)} pending`);
    setHidden(byId('pending'), checks.pending.length === 0);
    setHidden(byId('pending-none'), total !== 0);
    setHidden(byId('preview-form'), total === 0);
    if (total === 0 && this.changes.length) this.clear();
    sync(byId('pending'), checks.pending, () => element('li'),
      (item, { index, file, type, kind, description }) => {
        const key = `${index} ${file} ${kind} ${type} ${description}`;
        if (item.dataset.key === key) return;
        item.dataset.key = key;
        item.replaceChildren(element('code', {}, visible(file)), ' ',
          element('span', { class: 'kind' }, `${kind}, ${type}s`), ' ',
          element('span', {}, visible(description ?? '')));
      });
  }
}
