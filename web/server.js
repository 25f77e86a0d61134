// SPDX-License-Identifier: Apache-2.0
// Asking the server, with the secret of this tab when there is one.
import { GodwitServer } from './godwit-client.js';

const KEY = 'godwit-secret';

export class Server extends GodwitServer {
  constructor() {
    super({ secret: sessionStorage.getItem(KEY) ?? '' });
  }

  /** '' for none. */
  get secret() { return sessionStorage.getItem(KEY) ?? ''; }

  set secret(text) {
    if (text) sessionStorage.setItem(KEY, text);
    else sessionStorage.removeItem(KEY);
  }

  /** The secret, for what is asked otherwise than by `ask`. */
  credentials() {
    return this.secret ? { Authorization: `Bearer ${this.secret}` } : {};
  }

  /** Issues a command with members of its own. */
  give(cmd, more) {
    return this.ask('/internal/migrations/',
      { method: 'POST', body: { cmd, ...more } });
  }

  /** Whether the server takes this secret. */
  async isRight(secret) {
    try {
      await new GodwitServer({ secret }).command('progress');
      return true;
    } catch (error) {
      if (error.status === 401) return false;
      throw error;
    }
  }
}
