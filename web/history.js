// SPDX-License-Identifier: Apache-2.0
// Past runs, a page at a time: the server keeps them and gives them.
import { byId, count, element, moment, setData, setHidden, setText, span, sync,
  visible } from './format.js';

const PAGE = 20;
const ERROR_SHOWN = 300;
const COLUMNS = ['run', 'command', 'start', 'duration', 'step', 'result',
  'positions', 'events', 'error'];
const NUMBERS = new Set(['run', 'duration', 'positions', 'events']);

export class History {
  constructor(server) {
    this.server = server;
    this.isLate = false;
    this.body = byId('history');
    this.befores = [0]; /* of the pages so far; 0: the newest */
    this.runs = null;
    this.next = null;
    byId('history-older').addEventListener('click', () => this.older());
    byId('history-newer').addEventListener('click', () => this.newer());
  }

  get page() { return this.befores.length; }

  async load() {
    const before = this.befores.at(-1);
    this.number = (this.number ?? 0) + 1;
    const { number } = this;
    try {
      const answer = await this.server.history(
        { before: before || undefined, limit: PAGE });
      if (number !== this.number) return;
      this.runs = answer.runs;
      this.next = answer.next;
      if (this.page === 1) this.newest = answer.runs[0] ?? null;
      this.isLate = false;
      this.draw();
    } catch {
      this.isLate = number === this.number; /* to be asked again */
    }
  }

  async older() {
    if (this.next === null) return;
    this.befores.push(this.next);
    await this.load();
  }

  async newer() {
    if (this.page === 1) return;
    this.befores.pop();
    await this.load();
  }

  draw() {
    if (!this.runs) return;
    if (!this.isDrawn) this.body.replaceChildren(); /* the server's rows */
    this.isDrawn = true;
    sync(this.body, this.runs,
      () => element('tr', {}, ...COLUMNS.map((name) => element(
        name === 'run' ? 'th' : 'td', { 'data-column': name,
          scope: name === 'run' ? 'row' : null,
          class: NUMBERS.has(name) ? 'number' : null }))),
      (row, run) => this.fill(row, run));
    setHidden(byId('history-empty'), this.runs.length > 0);
    byId('history-newer').disabled = this.page === 1;
    byId('history-older').disabled = this.next === null;
    const [first, last] = [this.runs[0], this.runs.at(-1)];
    setText(byId('history-page'), first && (this.page > 1 || this.next !== null)
      ? `Runs ${count(last.run)} to ${count(first.run)}` : '');
  }

  fill(row, run) {
    const error = visible((run.error ?? '').slice(0, ERROR_SHOWN));
    const texts = { run: String(run.run), command: run.command,
      start: moment(run.start), step: run.step, result: run.result,
      duration: span(run.duration_ms ?? NaN), positions: count(run.positions),
      events: count(run.events),
      error: run.error?.length > ERROR_SHOWN ? `${error}…` : error };
    COLUMNS.forEach((name, i) => setText(row.children[i], texts[name] ?? ''));
    setData(row.children[5], 'result', run.result);
    setData(row, 'run', String(run.run));
  }
}
