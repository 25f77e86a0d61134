// SPDX-License-Identifier: Apache-2.0
// The output of the runs: the newest lines, as text, and no more of them in
// the page than can be read.
import { byId, count, Ring, setText, visible } from './format.js';

const LINES = 2000;
const LINE_SHOWN = 4000; /* characters */

export class Output {
  constructor() {
    this.box = byId('output');
    this.follow = byId('output-follow');
    this.kept = new Ring(LINES);
    this.waiting = [];
    this.total = 0;
    this.run = null;
    this.isFirst = true;
    byId('output-clear').addEventListener('click', () => this.clear());
    this.box.addEventListener('wheel', (event) => {
      if (event.deltaY < 0) this.follow.checked = false;
    }, { passive: true });
  }

  /** Keeps a line; it is shown with the next frame. */
  push({ run, line }) {
    const kept = { run, line, at: new Date().toISOString() };
    this.kept.push(kept);
    this.waiting.push(kept);
    if (this.waiting.length > LINES) this.waiting.shift();
    this.total++;
  }

  draw() {
    if (this.waiting.length === 0) return;
    if (this.isFirst) this.box.replaceChildren();
    this.isFirst = false;
    const fragment = document.createDocumentFragment();
    for (const { run, line } of this.waiting) {
      if (run !== this.run) {
        this.run = run;
        this.add(fragment, `run ${run}`, 'run');
      }
      this.add(fragment, line);
    }
    this.waiting = [];
    this.box.append(fragment);
    while (this.box.childElementCount > LINES) {
      this.box.firstElementChild.remove();
    }
    setText(byId('output-count'), this.total > LINES
      ? `The newest ${count(LINES)} of ${count(this.total)} lines`
      : `${count(this.total)} ${this.total === 1 ? 'line' : 'lines'}`);
    /* its end, without asking where that is */
    if (this.follow.checked) this.box.scrollTop = 1e9;
  }

  add(to, text, className = 'line') {
    const node = document.createElement('span');
    const rest = text.length - LINE_SHOWN;
    node.className = className;
    node.textContent = visible(text.slice(0, LINE_SHOWN))
      + (rest > 0 ? ` … (${count(rest)} more characters)` : '');
    to.append(node);
  }

  clear() {
    this.box.replaceChildren();
    this.kept.clear();
    this.waiting = [];
    this.total = 0;
    this.run = null;
    this.isFirst = false;
    setText(byId('output-count'), '');
  }

  toJSON() {
    return this.kept.toArray();
  }
}
