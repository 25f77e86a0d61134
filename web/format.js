// SPDX-License-Identifier: Apache-2.0
// Words and numbers as the page shows them (src/http/page_pieces.c writes the
// same ones), and the few ways in which the page is changed. Text of the
// server only ever becomes text.

export const DASH = '–';
const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export function count(n) {
  return Number.isFinite(n) && n >= 0 ? grouped.format(n) : DASH;
}

/** 850 ms, 4.2 s, 2 min 5 s, 3 h 12 min. */
export function span(ms) {
  if (!Number.isFinite(ms) || ms < 0) return DASH;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(1)} s`;
  const s = Math.floor(ms / 1000);
  return s < 3600 ? `${Math.floor(s / 60)} min ${s % 60} s`
    : `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
}

export function bytes(n) {
  if (!Number.isFinite(n) || n < 0) return DASH;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  for (; n >= 1024 && unit < units.length - 1; unit++) n /= 1024;
  return `${n.toFixed(unit && n < 100 ? 1 : 0)} ${units[unit]}`;
}

const two = (n) => String(n).padStart(2, '0');

/** 14:03:07 */
export function clock(date) {
  return `${two(date.getHours())}:${two(date.getMinutes())}:`
    + two(date.getSeconds());
}

/** 2026-05-01 14:03:07, of this reader's time zone. */
export function moment(text) {
  const date = new Date(text ?? NaN);
  return Number.isNaN(date.getTime()) ? DASH
    : `${date.getFullYear()}-${two(date.getMonth() + 1)}-`
      + `${two(date.getDate())} ${clock(date)}`;
}

/** Percent of a run, 0 to 100; NaN when it is not known. */
export function percentOf(progress) {
  const { positions_done: done, positions_total: total } = progress ?? {};
  return done >= 0 && total > 0 ? Math.min(100, done / total * 100) : NaN;
}

/* What would hide, or turn the text around it: shown as its number. */
const hidden =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

export function visible(text) {
  return text.replace(hidden, (c) =>
    `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

// ---- the page

export const byId = (id) => document.getElementById(id);

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setData(node, name, value) {
  if (node.dataset[name] !== value) node.dataset[name] = value;
}

export function setHidden(node, isHidden) {
  if (node.hidden !== isHidden) node.hidden = isHidden;
}

/** An element: attributes, then texts and elements that it holds. */
export function element(tag, attributes = {}, ...inside) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, '');
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...inside.filter((part) => part != null));
  return node;
}

/**
 * Makes the children of `list` those of `items`, in their order, keeping the
 * ones that are there: `make` makes one, `fill` fills it in each time.
 */
export function sync(list, items, make, fill) {
  while (list.children.length > items.length) list.lastElementChild.remove();
  items.forEach((item, i) => {
    if (!list.children[i]) list.append(make(item));
    fill(list.children[i], item);
  });
}

/** The last `size` things that were added. */
export class Ring {
  constructor(size) {
    this.size = size;
    this.items = [];
    this.start = 0;
  }

  push(item) {
    if (this.items.length < this.size) {
      this.items.push(item);
    } else {
      this.items[this.start] = item;
      this.start = (this.start + 1) % this.size;
    }
  }

  get length() { return this.items.length; }

  toArray() {
    return [...this.items.slice(this.start), ...this.items.slice(0, this.start)];
  }

  clear() {
    this.items = [];
    this.start = 0;
  }
}
