// SPDX-License-Identifier: Apache-2.0
// What the pending migrations do to the data: events before and after, field
// by field, of the positions that are asked for. Writes nothing.
import { byId, count, element, setHidden, setText, sync, visible }
  from './format.js';

const VALUE_SHOWN = 240; /* characters, until more are asked for */
const EVENTS_SHOWN = 50; /* of one migration at one position */
const FIELDS_SHOWN = 100;

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

/**
 * Pairs of events [before, after], one of them null when it has none: of the
 * same model, in the order in which they come.
 */
export function pairEvents(before, after) {
  const rest = [...after];
  const pairs = [];
  for (const event of before) {
    const at = rest.findIndex((other) => other.fqid === event.fqid);
    /* what comes before its partner is new */
    if (at >= 0) {
      for (const added of rest.splice(0, at)) pairs.push([null, added]);
      pairs.push([event, rest.shift()]);
    } else {
      pairs.push([event, null]);
    }
  }
  return [...pairs, ...rest.map((added) => [null, added])];
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

function sideNode(side, event, other, fields) {
  if (!event) {
    return element('div', { class: `side ${side} none` }, side === 'before'
      ? 'No such event before' : 'Dropped');
  }
  const index = side === 'before' ? 1 : 2;
  const mine = fields.filter((field) => field[index] !== null);
  const box = element('div', { class: `side ${side}` },
    element('p', { class: 'event-name' },
      element('code', {}, visible(event.fqid)), ' ',
      element('span', { class: other && other.type === event.type ? 'type'
        : 'type changed' }, event.type)));
  const list = element('dl', { class: 'fields' });
  for (const field of mine.slice(0, FIELDS_SHOWN)) {
    const isSame = field[1] === field[2];
    const mark = isSame ? null : side === 'before' ? 'removed' : 'added';
    list.append(element('div', { class: isSame ? 'same' : 'changed' },
      element('dt', {}, mark
        ? element('span', { class: 'heard' }, `${mark} `) : null,
      visible(field[0])),
      element('dd', {}, valueNode(field[index]))));
  }
  if (mine.length > FIELDS_SHOWN) {
    list.append(element('div', {}, element('dt', {}, '…'), element('dd', {},
      `${count(mine.length - FIELDS_SHOWN)} more fields`)));
  }
  if (mine.length) box.append(list);
  return box;
}

function pairNode([before, after]) {
  const fields = pairFields(before, after);
  return element('div', { class: 'pair' },
    sideNode('before', before, after, fields),
    sideNode('after', after, before, fields));
}

const isSame = ([before, after]) => before && after
  && before.type === after.type && show(before.data) === show(after.data);

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
    byId('preview-migration').addEventListener('change', () => this.draw());
  }

  showPosition(position) {
    byId('preview-position').value = position;
    byId('preview-limit').value = '1';
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
    const response = await fetch(`${this.server.base}/migrate/preview?`
      + `position=${encodeURIComponent(from)}&limit=${limit}`,
    { headers: this.server.headers(), cache: 'no-store' });
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
      ...changed.slice(0, EVENTS_SHOWN).map(pairNode),
      rest > 0 ? element('p', { class: 'hint' },
        `${count(rest)} more events are changed`) : null);
  }

  drawPending({ checks }) {
    if (!checks) return;
    const total = checks.pending_total;
    setText(byId('pending-total'), `${count(total)} pending`);
    setHidden(byId('pending'), checks.pending.length === 0);
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
