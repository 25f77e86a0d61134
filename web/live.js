// SPDX-License-Identifier: Apache-2.0
// News of the server: by its stream of events, read with fetch because an
// EventSource cannot give the secret; by asking every two seconds while there
// is no stream. Goes on for ever, with growing pauses.

const POLL_MS = 2000;
const SILENT_MS = 40_000; /* the server says something every 15 s */
const PAUSES_MS = [1000, 2000, 4000, 8000, 15_000];
const LINE_MAX = 1 << 20;

const sleep = (ms, signal) => new Promise((resolve) => {
  const timer = setTimeout(resolve, ms);
  signal.addEventListener('abort', () => {
    clearTimeout(timer);
    resolve();
  }, { once: true });
});

/** Cuts a stream of text into events; `take` gets (type, text, id). */
export class EventParser {
  constructor(take) {
    this.take = take;
    this.rest = '';
    this.clear();
  }

  clear() {
    this.type = 'message';
    this.data = null;
  }

  push(text) {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop().slice(0, LINE_MAX);
    for (const line of lines) this.line(line.replace(/\r$/, ''));
  }

  line(line) {
    if (line === '') {
      if (this.data !== null) this.take(this.type, this.data, this.id);
      this.clear();
      return;
    }
    const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (name === 'event') this.type = value;
    else if (name === 'id') this.id = value;
    else if (name === 'data') {
      this.data = this.data === null ? value : `${this.data}\n${value}`;
    }
  }
}

export class Live {
  /**
   * `take(type, data)` gets status, progress, checks, output, and alive for
   * any sign of life; `tell(how)`
   * gets 'stream', 'poll', 'away', 'refused' or 'off'.
   */
  constructor(server, take, tell) {
    this.server = server;
    this.take = take;
    this.tell = tell;
    this.place = null;
    this.stopper = null;
  }

  get isOn() { return this.stopper !== null; }

  start() {
    if (this.isOn) return;
    this.stopper = new AbortController();
    this.run(this.stopper.signal);
  }

  stop() {
    this.stopper?.abort();
    this.stopper = null;
    this.tell('off');
  }

  /** As after a new secret: at once. */
  restart() {
    if (!this.isOn) return;
    this.stopper.abort();
    this.stopper = null;
    this.start();
  }

  async run(signal) {
    for (let tries = 0; !signal.aborted; tries++) {
      const wasStream = await this.stream(signal);
      if (wasStream) tries = 0;
      const until = performance.now()
        + PAUSES_MS[Math.min(tries, PAUSES_MS.length - 1)];
      do {
        if (signal.aborted) return;
        await this.poll(signal);
        await sleep(Math.min(POLL_MS, Math.max(0, until - performance.now())),
          signal);
      } while (performance.now() < until);
    }
  }

  /** Reads the stream to its end; whether there was one. */
  async stream(signal) {
    const silence = new AbortController();
    const giveUp = () => silence.abort();
    signal.addEventListener('abort', giveUp, { once: true });
    let timer = setTimeout(giveUp, SILENT_MS);
    let has_begun = false;
    try {
      const more = { Accept: 'text/event-stream' };
      if (this.place) more['Last-Event-ID'] = this.place;
      const response = await fetch('/migrate/events', {
        headers: { ...more, ...this.server.credentials() }, cache: 'no-store',
        credentials: 'omit', signal: silence.signal });
      if (!response.ok || !response.body) return false;
      const parser = new EventParser((type, text, id) => {
        if (id) this.place = id;
        this.read(type, text);
      });
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return has_begun;
        if (!has_begun && !signal.aborted) this.tell('stream');
        has_begun = true;
        clearTimeout(timer);
        timer = setTimeout(giveUp, SILENT_MS);
        this.take('alive', null);
        parser.push(decoder.decode(value, { stream: true }));
      }
    } catch {
      return has_begun;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    }
  }

  read(type, text) {
    let data;
    try {
      data = JSON.parse(text);
    } catch {
      return;
    }
    this.take(type, data);
  }

  /** One look by asking. Progress comes before the checks, as in the stream:
   *  those say which run it is of. False: aborted. */
  async look(signal) {
    const [status, progress, checks] = await Promise.all([
      this.server.result(signal),
      this.server.progress(signal),
      this.server.ask('/migrate/checks', { signal })]);
    if (signal?.aborted) return false;
    this.take('status', status);
    this.take('progress', progress);
    this.take('checks', checks);
    return true;
  }

  async poll(signal) {
    try {
      if (await this.look(signal)) this.tell('poll');
    } catch (error) {
      if (signal.aborted) return;
      this.tell(error.status === 401 ? 'refused' : 'away');
    }
  }
}
