// SPDX-License-Identifier: Apache-2.0
// The actions: each with its button, enabled only when the server says that
// it is allowed, and the reason when it is not.
import { byId, element, setData, setHidden, setText, sync } from './format.js';

/* In the order of a migration's life. */
const ACTIONS = {
  migrate: { title: 'Start', doing: 'Migrate' },
  finalize: { title: 'Finalize…', doing: 'Finalize', word: 'finalize',
    ask: 'Finalize the migration?', ok: 'Finalize',
    text: 'What is not migrated yet is migrated; then writers are locked out '
      + 'for a moment and the migrated history becomes the live one. The old '
      + 'one is kept for rollback.' },
  pause: { title: 'Pause', doing: 'Pause' },
  resume: { title: 'Resume', doing: 'Resume' },
  cancel: { title: 'Cancel…', doing: 'Cancel', ask: 'Cancel the run?',
    ok: 'Cancel the run',
    text: 'It ends after the batch under way. What is committed stays, and '
      + 'the next run goes on from there.' },
  verify: { title: 'Verify', doing: 'Verify' },
  import: { title: 'Import…', doing: 'Import', value: 'source',
    ask: 'Import from a WuKongIM v1 server?', ok: 'Import',
    text: 'Its users, channels, messages and conversations are added to the '
      + 'store, each exactly once; what was imported before is passed over.' },
  reset: { title: 'Reset…', doing: 'Reset', isDanger: true,
    ask: 'Forget what is migrated?', ok: 'Reset',
    text: 'What was migrated and not finalized is dropped. The live tables '
      + 'stay as they are.' },
  rollback: { title: 'Rollback…', doing: 'Rollback', isDanger: true,
    word: 'rollback', ask: 'Go back to the old generation?', ok: 'Roll back',
    text: 'The history from before the cutover becomes the live one again; '
      + 'the migrated one is dropped.' },
  discard: { title: 'Discard…', doing: 'Discard', isDanger: true,
    word: 'discard', ask: 'Drop the old generation?', ok: 'Discard',
    text: 'The history from before the cutover is deleted. There is no '
      + 'rollback after that.' },
};

/* The one that leads on. */
function nextOf({ state, running, paused }) {
  if (running) return paused ? 'resume' : null;
  return { migration_required: 'migrate', finalization_required: 'finalize' }[
    state] ?? null;
}

export class Controls {
  /** `issue(name, title, more)` gives the command to the server. */
  constructor(confirm, issue) {
    this.confirm = confirm;
    this.issue = issue;
    this.list = byId('actions');
    this.pending = null; /* the one that is being given */
    this.allowed = new Map();
    this.list.addEventListener('click', (event) => {
      const button = event.target.closest('button[data-action]');
      if (button && button.getAttribute('aria-disabled') !== 'true') {
        this.press(button.dataset.action);
      }
    });
  }

  draw(model) {
    const actions = model.checks?.actions;
    if (!actions) return;
    if (!this.isDrawn) this.list.replaceChildren(); /* the server's */
    this.isDrawn = true;
    this.next = nextOf(model.checks);
    this.isAway = model.live === 'away';
    sync(this.list, actions.filter(({ name }) => ACTIONS[name]),
      () => element('li', {},
        element('button', { type: 'button' }),
        element('span', { class: 'reason' })),
      (item, action) => this.drawOne(item, action));
  }

  /* Buttons stay in the order of tabs when they are not allowed, so that
   * their reason can be heard. */
  drawOne(item, { name, allowed, reason }) {
    const [button, why] = item.children;
    const is = allowed && !this.isAway && this.pending === null;
    this.allowed.set(name, allowed);
    setData(button, 'action', name);
    setData(item, 'allowed', String(allowed && !this.isAway));
    if (button.id !== `do-${name}`) {
      button.id = `do-${name}`;
      why.id = `why-${name}`;
      button.setAttribute('aria-describedby', why.id);
      button.classList.toggle('danger', ACTIONS[name].isDanger === true);
    }
    button.classList.toggle('quiet', name !== this.next);
    const disabled = String(!is);
    if (button.getAttribute('aria-disabled') !== disabled) {
      button.setAttribute('aria-disabled', disabled);
    }
    setText(button, ACTIONS[name].title);
    setText(why, this.pending === name ? 'Being given…'
      : this.isAway ? 'The server is away' : reason ?? 'Allowed');
  }

  async press(name) {
    const action = ACTIONS[name];
    if (this.pending) return;
    const meant = action.ask ? await this.confirm.ask({ title: action.ask,
      text: action.text, ok: action.ok, word: action.word ?? null,
      value: action.value ?? null, isDanger: action.isDanger }) : true;
    if (!meant) return;
    const more = action.value ? { [action.value]: meant } : {};
    this.pending = name;
    try {
      await this.issue(name, action.doing, more);
    } finally {
      this.pending = null;
    }
  }
}

/** The buttons of the bar at the top and of the foot. */
export class Bar {
  constructor(handlers) {
    for (const [id, handle] of Object.entries(handlers)) {
      byId(id).addEventListener('click', handle);
    }
  }

  draw(model) {
    const toggle = byId('monitor-toggle');
    const isOn = model.live !== 'off';
    toggle.setAttribute('aria-pressed', String(isOn));
    setText(toggle, isOn ? 'Stop monitoring' : 'Start monitoring');
    setHidden(byId('forget-secret'), !model.hasSecret);
  }
}
