// SPDX-License-Identifier: Apache-2.0
// The dashboard: takes what the server tells into one model and draws it: how
// far a run is with the next second, as nobody reads faster and a page is not
// to slow what it looks at; all else with the next frame.
import { Bar, Controls } from './controls.js';
import { byId, clock, setData, setHidden, setText } from './format.js';
import { History } from './history.js';
import { Live } from './live.js';
import { ConfirmDialog, Notices, SecretDialog } from './notices.js';
import { Output } from './output.js';
import { describe, Overview } from './overview.js';
import { Plot } from './plot.js';
import { Preview } from './preview.js';
import { Server } from './server.js';

const STALE_MS = 45_000;
const TICK_MS = 1000;
/* commands that no change of the status tells of */
const STEERING = new Set(['pause', 'resume', 'cancel']);

const LIVE = {
  stream: 'Live', poll: 'Asking every 2 s', away: 'The server is away',
  refused: 'The secret is needed', off: 'Monitoring is off',
  none: 'Connecting',
};

class Dashboard {
  constructor() {
    this.model = { result: null, progress: null, checks: null, newest: null,
      live: 'none', updated: null, hasSecret: false };
    this.server = new Server();
    this.secret = new SecretDialog(this.server);
    this.notices = new Notices();
    this.output = new Output();
    this.plot = new Plot();
    this.history = new History(this.server);
    this.preview = new Preview(this.server, () => this.secret.get());
    this.overview = new Overview((at) => this.preview.showPosition(at));
    this.controls = new Controls(new ConfirmDialog(),
      (name, title, more) => this.issue(name, title, more));
    this.bar = new Bar({
      'monitor-toggle': () => this.toggle(),
      refresh: () => this.refresh(),
      'forget-secret': () => this.forget(),
      'export-logs': () => this.exportLogs(),
    });
    this.live = new Live(this.server, (type, data) => this.take(type, data),
      (how) => this.tell(how));
    this.isDue = false;
  }

  start() {
    document.documentElement.classList.add('scripted');
    this.live.start();
    this.history.load();
    this.loadSamples();
    setInterval(() => this.tick(), TICK_MS);
    document.addEventListener('visibilitychange', () => this.touch());
    this.touch();
  }

  tick() {
    if (this.history.isLate && this.model.live !== 'away') this.loadHistory();
    this.touch();
  }

  // ---- news

  take(type, data) {
    this.model.updated = new Date();
    if (type === 'output') this.output.push(data);
    else if (type === 'status') this.takeResult(data);
    else if (type === 'progress') this.takeProgress(data);
    else if (type === 'checks') this.takeChecks(data);
    if (type !== 'alive' && type !== 'output') this.overview.take(this.model);
    if (type !== 'alive' && type !== 'progress') this.touch();
  }

  takeResult(result) {
    const before = this.model.result;
    this.model.result = result;
    if (before && (before.status !== result.status
      || before.step !== result.step)) {
      this.announce(result);
    }
    if (!before || before.status !== result.status
      || before.step !== result.step || before.try_count !== result.try_count) {
      this.loadHistory();
    }
  }

  takeProgress(progress) {
    this.model.progress = progress;
    if (progress && this.model.checks?.running) this.plot.push(progress);
  }

  takeChecks(checks) {
    const { checks: before, progress } = this.model;
    this.model.checks = checks;
    if (before && checks.run !== before.run) {
      this.plot.begin();
      this.loadHistory();
    } else if (before && before.running && !checks.running) {
      if (progress) this.plot.push(progress);
      this.loadHistory();
    }
  }

  /* What was before this page was opened, or while it was away. */
  async loadSamples() {
    try {
      this.plot.load(await this.server.ask('/migrate/samples'));
      this.touch();
    } catch {
      /* the plot begins here */
    }
  }

  async loadHistory() {
    if (this.history.page === 1 || this.history.isLate) {
      await this.history.load();
    }
    this.model.newest = this.history.newest;
    this.touch();
  }

  announce(result) {
    const what = { running: ['calm', `${result.step} is running`, ''],
      completed: ['good', `${result.step} is completed`, ''],
      migrated: ['good', `${result.step} is completed`, ''],
      failed: ['bad', `${result.step} failed`, result.last_err ?? ''],
    }[result.status];
    if (what) this.notices.tell(what[0], what[1], what[2].slice(0, 300));
  }

  tell(how) {
    if (this.model.live === how) return;
    if (how === 'stream' && this.model.live === 'away') this.loadSamples();
    this.model.live = how;
    if (how === 'refused' && !this.secret.dialog.open) {
      this.secret.ask('This server tells its state only with its secret.')
        .then((secret) => { if (secret) this.live.restart(); });
    }
    this.touch();
  }

  // ---- what the reader does

  async issue(name, title, more) {
    const secret = await this.secret.get();
    if (!secret) return;
    try {
      const answer = await this.server.give(name, more);
      if (answer.progress) this.takeProgress(answer.progress);
      if (STEERING.has(name)) {
        this.notices.show('calm', title, 'The server has taken the command.');
      }
      await this.live.look();
    } catch (error) {
      if (error.status === 401) this.forget();
      this.notices.show('bad', `${title} was refused`, error.message);
    }
    this.touch();
  }

  async refresh() {
    try {
      if (this.server.secret) await this.server.command('progress');
      await this.live.look();
      await this.history.load();
      this.notices.show('calm', 'The status is refreshed');
    } catch (error) {
      this.notices.show('bad', 'No status', error.message);
    }
  }

  toggle() {
    if (this.live.isOn) {
      this.live.stop();
    } else {
      this.model.live = 'none';
      this.live.start();
    }
    this.touch();
  }

  forget() {
    this.server.secret = '';
    this.touch();
  }

  /** All that this page knows, as a file. */
  async exportLogs() {
    const { result, progress, checks } = this.model;
    const history = await this.server.history({ limit: 200 })
      .catch(() => ({ runs: [] }));
    const text = JSON.stringify({ exported_at: new Date().toISOString(),
      result, progress, checks, history: history.runs,
      output: this.output }, null, 2);
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text],
      { type: 'application/json' }));
    link.download = `godwit-logs-${new Date().toISOString()
      .slice(0, 19).replaceAll(':', '')}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  // ---- drawing

  touch() {
    if (this.isDue) return;
    this.isDue = true;
    requestAnimationFrame(() => {
      this.isDue = false;
      this.draw();
    });
  }

  draw() {
    const { model } = this;
    model.hasSecret = this.server.secret !== '';
    this.drawLive();
    this.overview.draw(model);
    this.preview.drawPending(model);
    this.controls.draw(model);
    this.bar.draw(model);
    this.output.draw();
    this.plot.draw();
    const state = describe(model);
    if (state && state.title !== this.said) {
      this.said = state.title;
      setText(byId('announcer'), `${state.title}. ${state.detail}`);
    }
  }

  drawLive() {
    const { live, updated } = this.model;
    const age = updated ? Date.now() - updated : 0;
    const isStale = live === 'stream' && age > STALE_MS;
    setData(byId('live'), 'live', isStale ? 'away' : live);
    setText(byId('live-text'), LIVE[isStale ? 'away' : live]);
    const isAway = live === 'away' || isStale;
    const banner = byId('banner');
    setHidden(banner, !isAway && live !== 'refused');
    setText(banner, live === 'refused'
      ? 'This server tells its state only with its secret.'
      : isAway ? `The server does not answer. What is shown is of ${updated
        ? clock(updated) : 'the page\'s loading'}; it is tried again and `
        + 'again.' : '');
    if (!updated) return;
    const time = byId('last-updated');
    setText(time, age < 2000 ? `${clock(updated)}, just now`
      : `${clock(updated)}, ${Math.round(age / 1000)} s ago`);
    time.dateTime = updated.toISOString();
  }
}

const dashboard = new Dashboard();
dashboard.start();
