// SPDX-License-Identifier: Apache-2.0
// Where are we, how far, can I cut over, what went wrong: what the server
// told last, drawn. The words are those of src/http/page_state.c
// and page_slots.c.
import { byId, bytes, count, DASH, element, moment, percentOf, setData,
  setHidden, setText, span, sync, visible } from './format.js';
import { MigrationDashboard } from './godwit-client.js';

const STAGES = [['required', 'Required'], ['migrate', 'Migrating'],
  ['ready', 'Migrated'], ['finalize', 'Finalizing'], ['done', 'Up to date']];

const STATES = {
  migration_required: ['Migration required', 'required'],
  finalization_required: ['Ready to finalize', 'ready'],
  no_migration_required: ['Up to date', 'done'],
};

const RUNNING = { migrate: ['Migrating', 'migrate'],
  finalize: ['Finalizing', 'finalize'], import: ['Importing', null] };

const CHECKS = { idle: 'Idle', store: 'Store',
  migrations: 'Migrations', caught_up: 'Caught up', last_run: 'Last run',
  disk: 'Disk space', way_back: 'Way back' };

const PHASES = ['prepare', 'replay', 'migrate', 'keyframes', 'catch-up',
  'cutover', 'models', 'cleanup', 'verify'];
export const IMPORT_STEPS = ['user', 'channel', 'message', 'conversation',
  'cleanup'];
const EXPECTED = { migrate: ['prepare', 'migrate'],
  finalize: ['prepare', 'migrate', 'cutover', 'models'],
  verify: ['verify'], reset: ['cleanup'], import: IMPORT_STEPS };

const NEXT = {
  migration: 'Correct the migration and start again: the run goes on from '
    + 'its last commit. A migration that positions were migrated with '
    + 'already needs a reset first.',
  file: 'Correct the folder of migrations; the server reads it again for '
    + 'every run.',
  input: 'Look at the event named above: it is not what the store should '
    + 'hold. `godwit verify` finds all of them.',
  state: 'The store is in another state than this command needs; refresh, '
    + 'and look at what is allowed now.',
  limit: 'Give more with --memory, or make room, and start again.',
  store: 'See that the store can be reached and written, then start again: '
    + 'the run goes on from its last commit.',
  source: 'See that the source is what the import expects, then start '
    + 'again: the import goes on from where it was.',
  server: 'See that the source can be reached, then start again.',
  locked: 'Another run holds the store. Let it end, then start again.',
  different: 'The models are not what the events say. Do not finalize; the '
    + 'output lists the differences.',
  interrupted: 'Start again: the run goes on from its last commit.',
};

/** {title, detail, stage}: where the store is. */
export function describe({ checks, result }) {
  if (!checks) return null;
  const left = checks.newest_position - checks.migrated_position;
  if (checks.running) {
    const [title, stage] = RUNNING[checks.running]
      ?? [`Running ${checks.running}`, STATES[checks.state]?.[1] ?? null];
    return { title: checks.paused ? 'Paused' : title, stage,
      detail: checks.paused ? `${checks.running} waits; resume goes on` : '' };
  }
  const [title, stage] = STATES[checks.state] ?? ['Not known', null];
  const details = {
    migration_required: `${plural(checks.pending_total, 'migration')} `
      + `pending, ${plural(left, 'position')} to migrate`,
    finalization_required: `${plural(checks.pending_total, 'migration')} `
      + `pending, ${left > 0 ? `${plural(left, 'position')} new` : 'all '
        + 'positions are migrated'}`,
    no_migration_required: 'no migration is pending',
  };
  const failed = result?.status === 'failed' ? '; the last run failed' : '';
  return { title, stage, detail: (details[checks.state] ?? '') + failed };
}

const plural = (n, noun) => `${count(n)} ${noun}${n === 1 ? '' : 's'}`;

/** The steps of the run under way or the last one, as this page saw them. */
class Steps {
  constructor() {
    this.list = byId('steps');
    this.run = undefined;
    this.seen = new Map(); /* name: milliseconds */
  }

  take({ checks, progress, result }) {
    if (!checks || !result) return;
    if (checks.run !== this.run) {
      this.run = checks.run;
      this.seen.clear();
      this.now = null;
      this.command = null;
    }
    this.command = checks.running ?? this.command;
    this.isImport = IMPORT_STEPS.includes(result.step)
      && this.command !== 'reset' && this.command !== 'discard';
    const name = this.isImport && this.command === 'import' ? result.step
      : progress?.phase;
    const at = performance.now();
    if (this.now && this.now.isRunning) {
      this.seen.set(this.now.name,
        (this.seen.get(this.now.name) ?? 0) + at - this.now.at);
    }
    const isRunning = checks.running !== null && !checks.paused;
    const is = name && name !== 'idle' && name !== 'done';
    if (is) this.now = { name, at, isRunning };
    else if (this.now) this.now = { ...this.now, at, isRunning: false };
    if (is && !this.seen.has(name)) this.seen.set(name, 0);
  }

  rows({ checks, progress, result }) {
    const isImport = this.command === 'import';
    const order = isImport ? IMPORT_STEPS : PHASES;
    const wanted = EXPECTED[this.command] ?? [];
    const names = order.filter((n) => wanted.includes(n) || this.seen.has(n));
    const isRunning = checks?.running != null;
    const here = names.indexOf(this.now?.name);
    return names.map((name, i) => {
      const isHere = isRunning && i === here;
      const state = isHere ? (checks.paused ? 'paused' : 'now')
        : !isRunning && result?.status === 'failed'
          ? (i === here ? 'failed' : i < here ? 'done' : 'waiting')
          : !isRunning || i < here ? 'done' : 'waiting';
      const share = state === 'done' ? 100 : isHere ? percentOf(progress) : 0;
      return { name, state, share, ms: this.seen.get(name) };
    });
  }

  draw(model) {
    sync(this.list, this.rows(model), () => element('li', {},
      element('span', { class: 'step-name' }),
      element('progress', { max: 100, value: 0 }),
      element('span', { class: 'step-state' })),
    (item, { name, state, share, ms }) => {
      const [label, bar, text] = item.children;
      setData(item, 'step', name);
      setData(item, 'state', state);
      setText(label, name);
      if (Number.isNaN(share)) bar.removeAttribute('value');
      else bar.value = share;
      bar.setAttribute('aria-label', name);
      setText(text, [state === 'now' && share >= 0 && share < 100
        ? `${share.toFixed(0)} %` : state,
      ms > 0 ? span(ms) : null].filter(Boolean).join(' · '));
    });
  }
}

/** What an error text says of its place. */
export function placeOf(text) {
  const position = /\bposition (\d+)/.exec(text)?.[1] ?? null;
  const [, file = null, line = null] =
    /\b(\d{4}_[\w.-]*\.(?:json|lua|so))(?::(\d+))?/.exec(text) ?? [];
  return { position, file, line };
}

export class Overview {
  constructor(showPosition) {
    this.steps = new Steps();
    this.whole = new MigrationDashboard(); /* for the percent of an import */
    byId('error-preview').addEventListener('click',
      () => showPosition(this.place.position));
  }

  take(model) {
    this.steps.take(model);
  }

  draw(model) {
    this.drawWhere(model);
    this.drawFar(model);
    this.drawChecks(model);
    this.drawError(model);
  }

  drawWhere(model) {
    const { checks, result, progress } = model;
    const state = describe(model);
    if (state) {
      setText(byId('state'), state.title);
      setText(byId('state-detail'), state.detail);
      document.title = `${state.title} · godwit`;
      this.drawRibbon(state.stage);
    }
    if (result) {
      setText(byId('status'), result.status);
      setText(byId('step'), result.step || DASH);
      setText(byId('attempts'), count(result.try_count));
      setData(document.body, 'tone', result.status === 'failed' ? 'bad'
        : result.status === 'running' ? 'busy' : 'calm');
      setData(byId('status'), 'status', result.status);
    }
    setText(byId('phase'), progress?.phase ?? DASH);
    if (!checks) return;
    const { current_index: now, target_index: target } = checks;
    setText(byId('index'), now === null ? DASH
      : now === target ? String(now) : `${now} → ${target}`);
    setText(byId('store-size'), bytes(checks.store_bytes ?? NaN));
    setText(byId('store-name'), checks.store ?? '');
    byId('store-name').title = checks.store ?? '';
    setText(byId('looked-at'), checks.looked_at
      ? `Store looked at ${moment(checks.looked_at)}`
      : 'The store was not looked at yet');
  }

  drawRibbon(stage) {
    const here = STAGES.findIndex(([name]) => name === stage);
    sync(byId('ribbon'), STAGES, () => element('li'), (item, [name, title]) => {
      const i = STAGES.findIndex(([other]) => other === name);
      setData(item, 'stage', name);
      setText(item, title);
      item.classList.toggle('past', i < here);
      if (i === here) item.setAttribute('aria-current', 'step');
      else item.removeAttribute('aria-current');
    });
  }

  drawFar(model) {
    const { progress, checks, result } = model;
    const isImport = this.steps.command === 'import';
    const percent = isImport && result ? this.whole.calculateProgress(result)
      : percentOf(progress);
    const bar = byId('progress');
    setText(byId('percent'), Number.isNaN(percent) ? DASH
      : `${(Math.floor(percent * 10) / 10).toFixed(1)} %`);
    if (Number.isNaN(percent)) {
      if (checks?.running) bar.removeAttribute('value');
      else bar.value = 0;
    } else {
      bar.max = 100;
      bar.value = percent;
    }
    const p = progress ?? {};
    setText(byId('positions'), `${count(p.positions_done ?? NaN)}${
      p.positions_total >= 0 && p.positions_total !== null
        ? ` of ${count(p.positions_total)}` : ''} positions`);
    setText(byId('events'), `${count(p.events_done ?? NaN)} events`);
    this.drawRate(model);
    setText(byId('time-left'), span((p.seconds_left ?? NaN) * 1000));
    setText(byId('time-range'), p.seconds_left_min != null
      && p.seconds_left_max > p.seconds_left_min
      ? `${span(p.seconds_left_min * 1000)} to ${
        span(p.seconds_left_max * 1000)}` : '');
    setText(byId('lag'), `${count(p.lag_positions ?? NaN)} positions`);
    setText(byId('run-line'), checks?.run
      ? `Run ${count(checks.run)}${checks.running
        ? `, ${checks.running}` : ''}` : '');
    this.steps.draw(model);
  }

  /* Of the last seconds; afterwards, of all the run. */
  drawRate({ progress, checks, newest }) {
    const isOver = checks && !checks.running && newest?.run === checks.run
      && newest.events > 0 && newest.duration_ms > 0;
    const rate = isOver ? newest.events / newest.duration_ms * 1000
      : progress?.events_per_second ?? NaN;
    setText(byId('rate'), `${count(rate)} events/s`);
    setText(byId('rate-note'), isOver ? 'over all the run' : '');
  }

  drawChecks({ checks }) {
    if (!checks) return;
    const ready = byId('ready');
    const isBad = checks.checks.some(({ ok }) => ok === false);
    setData(ready, 'ok', checks.ready ? 'true' : isBad ? 'false' : 'null');
    setText(ready, checks.ready ? 'Yes'
      : checks.state === 'no_migration_required' ? 'Nothing to cut over'
        : 'Not now');
    sync(byId('checks'), checks.checks, () => element('li', {},
      element('b'), ' ', element('span')), (item, { name, ok, text }) => {
      setData(item, 'check', name);
      setData(item, 'ok', String(ok));
      setText(item.firstElementChild, CHECKS[name] ?? name);
      setText(item.lastElementChild, visible(text));
      item.firstElementChild.dataset.said = ok === true ? 'good'
        : ok === false ? 'bad' : 'not known';
    });
  }

  drawError({ result, newest }) {
    const text = result?.last_err ?? null;
    setHidden(byId('error'), text === null);
    setHidden(byId('no-error'), text !== null);
    if (text === null) return;
    this.place = placeOf(text);
    const { position, file, line } = this.place;
    setText(byId('error-where'), [
      `In ${result.step || 'a run'}, attempt ${count(result.try_count)}`,
      file && `file ${file}${line ? `, line ${line}` : ''}`,
      position && `position ${position}`].filter(Boolean).join(' · '));
    setText(byId('error-text'), visible(text));
    setText(byId('error-next'), NEXT[newest?.code] ?? '');
    setHidden(byId('error-preview'), position === null);
  }
}
