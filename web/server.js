// SPDX-License-Identifier: Apache-2.0
// Asking the server, with the secret of this tab when there is one.

const KEY = 'godwit-secret';

/** What the server said no to; status 0 when it did not answer. */
export class ServerError extends Error {
  constructor(status, message) {
    super(message);
    this.name = 'ServerError';
    this.status = status;
  }
}

export class Server {
  constructor(base = '') {
    this.base = base;
  }

  get secret() { return sessionStorage.getItem(KEY); }

  set secret(text) {
    if (text) sessionStorage.setItem(KEY, text);
    else sessionStorage.removeItem(KEY);
  }

  headers(more = {}, secret = this.secret) {
    return secret ? { Authorization: `Bearer ${secret}`, ...more } : more;
  }

  /** Asks, and gives what was answered; ServerError otherwise. */
  async ask(path, { secret, ...options } = {}) {
    let response;
    try {
      response = await fetch(this.base + path, {
        cache: 'no-store', credentials: 'omit', redirect: 'error', ...options,
        headers: this.headers(options.headers, secret) });
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      throw new ServerError(0, 'The server does not answer');
    }
    const body = await response.json().catch(() => ({}));
    if (!response.ok) {
      throw new ServerError(response.status,
        body.message ?? `The server answered ${response.status}`);
    }
    return body;
  }

  command(cmd, options = {}) {
    return this.ask('/internal/migrations/', { method: 'POST',
      body: JSON.stringify({ cmd }), ...options,
      headers: { 'Content-Type': 'application/json' } });
  }

  /** Whether the server takes this secret. */
  async isRight(secret) {
    try {
      await this.command('progress', { secret });
      return true;
    } catch (error) {
      if (error.status === 401) return false;
      throw error;
    }
  }
}
