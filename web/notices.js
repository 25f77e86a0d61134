// SPDX-License-Identifier: Apache-2.0
// Notifications: in the page, and the browser's when they are permitted. And
// the two dialogs.
import { byId, element, setHidden, setText } from './format.js';

const SHOWN_MS = 8000;
const MOST = 5;
const WANTED = 'godwit-notices';

export class Notices {
  constructor() {
    this.list = byId('notices');
    this.button = byId('browser-notices');
    this.isSupported = 'Notification' in window;
    setHidden(this.button, !this.isSupported);
    this.button.addEventListener('click', () => this.toggle());
    this.draw();
  }

  get isWanted() {
    return this.isSupported && Notification.permission === 'granted'
      && sessionStorage.getItem(WANTED) === 'yes';
  }

  draw() {
    const isWanted = this.isWanted;
    this.button.setAttribute('aria-pressed', String(isWanted));
    setText(this.button, isWanted ? 'Notifications of the browser are on'
      : 'Notify me in the browser');
  }

  async toggle() {
    if (this.isWanted) {
      sessionStorage.setItem(WANTED, 'no');
    } else if (await Notification.requestPermission() === 'granted') {
      sessionStorage.setItem(WANTED, 'yes');
    } else {
      this.show('bad', 'The browser does not permit notifications',
        'Its settings for this page say so.');
    }
    this.draw();
  }

  /** tone: good, bad or calm. */
  show(tone, title, text = '') {
    const close = element('button', { type: 'button', class: 'quiet close',
      'aria-label': 'Close this notice' }, '×');
    const notice = element('div', { class: 'notice', 'data-tone': tone },
      element('p', {}, element('b', {}, title), ' ', text), close);
    const remove = () => notice.remove();
    close.addEventListener('click', remove);
    this.list.append(notice);
    while (this.list.children.length > MOST) {
      this.list.firstElementChild.remove();
    }
    if (tone !== 'bad') setTimeout(remove, SHOWN_MS);
    return notice;
  }

  /** In the page, and to somebody who looks elsewhere. */
  tell(tone, title, text) {
    this.show(tone, title, text);
    if (!this.isWanted || document.visibilityState === 'visible') return;
    try {
      new Notification(`godwit: ${title}`, { body: text, tag: 'godwit',
        icon: '/web/icon.svg' });
    } catch {
      /* some browsers have them for workers only */
    }
  }
}

/** Asks for the secret until the server takes it; null: not now. */
export class SecretDialog {
  constructor(server) {
    this.server = server;
    this.dialog = byId('secret-dialog');
    this.input = byId('secret');
    this.error = byId('secret-error');
    byId('secret-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.check();
    });
    byId('secret-cancel').addEventListener('click', () => this.end(null));
    this.dialog.addEventListener('cancel', (event) => {
      event.preventDefault();
      this.end(null);
    });
  }

  /** The secret: the tab's, or one that is given now. */
  async get() {
    return this.server.secret || this.ask();
  }

  ask(why = '') {
    setText(this.error, why);
    this.input.value = '';
    if (!this.dialog.open) this.dialog.showModal();
    this.input.focus();
    this.answer ??= new Promise((resolve) => { this.resolve = resolve; });
    return this.answer;
  }

  async check() {
    const secret = this.input.value.trim();
    const ok = byId('secret-ok');
    if (!secret) return;
    ok.disabled = true;
    try {
      if (await this.server.isRight(secret)) this.end(secret);
      else setText(this.error, 'The server does not take this secret.');
    } catch (error) {
      setText(this.error, `${error.message}.`);
    } finally {
      ok.disabled = false;
    }
  }

  end(secret) {
    this.input.value = '';
    if (secret) this.server.secret = secret;
    this.dialog.close();
    this.resolve?.(secret);
    this.answer = this.resolve = undefined;
  }
}

/** Asks whether something is meant; with `word` it has to be typed, with
 *  `value` something is to be given, which is then the answer. */
export class ConfirmDialog {
  constructor() {
    this.dialog = byId('confirm-dialog');
    this.input = byId('confirm-input');
    this.ok = byId('confirm-ok');
    this.source = byId('import-source');
    for (const input of [this.input, this.source]) {
      input.addEventListener('input', () => this.draw());
    }
    byId('confirm-form').addEventListener('submit', (event) => {
      event.preventDefault();
      if (!this.ok.disabled) this.end(this.value
        ? this.source.value.trim() : true);
    });
    byId('confirm-cancel').addEventListener('click', () => this.end(false));
    this.dialog.addEventListener('cancel', (event) => {
      event.preventDefault();
      this.end(false);
    });
  }

  ask({ title, text, ok, word = null, value = null, isDanger = false }) {
    this.word = word;
    this.value = value;
    setText(byId('confirm-title'), title);
    setText(byId('confirm-text'), text);
    setText(byId('confirm-word'), word ?? '');
    setText(this.ok, ok);
    this.ok.classList.toggle('danger', isDanger);
    setHidden(byId('confirm-typed'), word === null);
    setHidden(byId('confirm-value'), value === null);
    this.input.value = this.source.value = '';
    this.draw();
    this.dialog.showModal();
    (value ? this.source : word ? this.input : byId('confirm-cancel')).focus();
    return new Promise((resolve) => { this.resolve = resolve; });
  }

  draw() {
    this.ok.disabled = this.value !== null
      ? !/^https?:\/\/./.test(this.source.value.trim())
      : this.word !== null && this.input.value.trim() !== this.word;
  }

  end(isMeant) {
    this.dialog.close();
    this.resolve?.(isMeant);
    this.resolve = undefined;
  }
}
