// SPDX-License-Identifier: Apache-2.0
// Watches and runs the migrations of a `godwit serve`, in a browser or in
// Node 18 and newer, without dependencies. Its manual is docs/client.md.

/**
 * The answer of GET /migrate/result.
 * @typedef {object} Result
 * @property {string} status `running`, `completed`, `migrated` or `failed`
 * @property {string} step the step under way, or the last one
 * @property {string | null} last_err the last error of this step
 * @property {number} try_count attempts at this step, from 1
 */

/**
 * A run, as GET /migrate/history has it.
 * @typedef {object} Run
 * @property {number} run
 * @property {string} command
 * @property {string} start
 * @property {string | null} end
 * @property {number | null} duration_ms
 * @property {string} result `running`, `completed`, `failed`, `cancelled` or
 *   `interrupted`
 * @property {string} step
 * @property {number} tries
 * @property {string | null} error
 * @property {string | null} code the kind of the error
 * @property {number | null} positions
 * @property {number | null} events
 */

/**
 * How far a run is; what is not known is null.
 * @typedef {object} Progress
 * @property {string | null} phase
 * @property {number | null} positions_done
 * @property {number | null} positions_total
 * @property {number | null} events_done
 * @property {number | null} events_per_second
 * @property {number | null} seconds_left
 * @property {number | null} lag_positions
 */

/**
 * The answer to a command; `stats` has only its counts.
 * @typedef {object} Answer
 * @property {boolean} success
 * @property {string | null} [status]
 * @property {string} [output]
 * @property {string} [exception]
 * @property {Progress} [progress]
 * @property {Record<string, string | number | null>} [stats]
 */

/**
 * @typedef {object} ServerOptions
 * @property {string} [baseUrl] where the server is; a page may leave it out
 *   when it comes from the same place
 * @property {string} [secret] needed for commands
 * @property {typeof globalThis.fetch} [fetch]
 * @property {number} [requestTimeout] ms for one request; 10 s
 */

/**
 * @typedef {object} RequestOptions
 * @property {string} [method]
 * @property {unknown} [body] sent as JSON
 * @property {AbortSignal} [signal]
 */

/** What can go wrong with a request.
 * @typedef {'network' | 'server' | 'refused' | 'stopped'} RequestKind */

/** With a run; `refused` and `different` do not go away by a retry.
 * @typedef {RequestKind | 'migration' | 'different' | 'timeout'} Kind */

const MINUTE = 60_000;
const ENDS = ['completed', 'migrated', 'failed'];
const LOG_MAX = 1000;

/** Every error of this module but those of the caller's own hooks. */
export class GodwitError extends Error {
    /**
     * @param {Kind} kind
     * @param {string} message
     * @param {number} [status] of the HTTP answer; 0: there was none
     */
    constructor(kind, message, status = 0) {
        super(message);
        this.name = 'GodwitError';
        this.kind = kind;
        this.status = status;
    }
}

/**
 * Waits; a signal ends it early.
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
function sleep(ms, signal) {
    return new Promise((resolve) => {
        if (signal?.aborted) return void resolve();
        const done = () => {
            clearTimeout(timer);
            signal?.removeEventListener('abort', done);
            resolve();
        };
        const timer = setTimeout(done, ms);
        signal?.addEventListener('abort', done);
    });
}

/** @param {unknown} error */
const textOf = (error) => error instanceof Error ? error.message
    : typeof error === 'string' ? error : JSON.stringify(error);

/** An error that is nobody's here. @param {unknown} error */
function report(error) {
    if (typeof reportError === 'function') reportError(error);
    else console.error(error);
}

/**
 * Calls what somebody else wrote: its errors are its own and end nothing.
 * @param {((...args: any[]) => unknown)} callback
 * @param {unknown[]} args
 */
function tell(callback, ...args) {
    try {
        const answer = callback(...args);
        if (answer instanceof Promise) answer.catch(report);
    } catch (error) {
        report(error);
    }
}

/** @param {number} status @returns {Kind} */
const kindOf = (status) => status === 401 || status === 403 || status === 404
    ? 'refused' : 'server';

/** The HTTP interface of one server. */
export class GodwitServer {
    /** @param {ServerOptions} [options] */
    constructor(options = {}) {
        this.baseUrl = (options.baseUrl ?? '').replace(/\/+$/, '');
        this.secret = options.secret ?? '';
        this.requestTimeout = options.requestTimeout ?? 10_000;
        this.fetch = options.fetch;
    }

    /**
     * Asks, and gives the JSON of the answer; a GodwitError otherwise.
     * @param {string} path
     * @param {RequestOptions} [options]
     * @returns {Promise<any>}
     */
    async ask(path, { method = 'GET', body, signal } = {}) {
        const giveUp = new AbortController();
        const stop = () => giveUp.abort();
        const timer = setTimeout(stop, this.requestTimeout);
        signal?.addEventListener('abort', stop);
        if (signal?.aborted) stop();
        try {
            const answer = await (this.fetch ?? globalThis.fetch)(
                this.baseUrl + path, { method, cache: 'no-store',
                    signal: giveUp.signal, headers: this.headers(body),
                    body: body === undefined ? undefined
                        : JSON.stringify(body) });
            return this.read(answer.ok, answer.status, await answer.text());
        } catch (error) {
            if (error instanceof GodwitError) throw error;
            if (signal?.aborted) throw new GodwitError('stopped', 'stopped');
            throw new GodwitError('network', giveUp.signal.aborted
                ? `no answer within ${this.requestTimeout} ms`
                : `the server does not answer: ${textOf(error)}`);
        } finally {
            clearTimeout(timer);
            signal?.removeEventListener('abort', stop);
        }
    }

    /** @param {unknown} body @returns {Record<string, string>} */
    headers(body) {
        return { Accept: 'application/json',
            ...(body === undefined ? {}
                : { 'Content-Type': 'application/json' }),
            ...(this.secret ? { Authorization: `Bearer ${this.secret}` } : {}),
        };
    }

    /** @param {boolean} ok @param {number} status @param {string} text */
    read(ok, status, text) {
        let answer;
        try {
            answer = JSON.parse(text);
        } catch { /* said below */ }
        if (!ok) {
            throw new GodwitError(kindOf(status), typeof answer?.message ===
                'string' ? answer.message : `the server answered ${status}`,
            status);
        }
        if (typeof answer !== 'object' || answer === null) {
            throw new GodwitError('server', 'the answer is no JSON object',
                status);
        }
        return answer;
    }

    /** @param {AbortSignal} [signal] @returns {Promise<Result>} */
    async result(signal) {
        const result = await this.ask('/migrate/result', { signal });
        if (typeof result.status !== 'string') {
            throw new GodwitError('server', 'the answer has no status', 200);
        }
        return result;
    }

    /** @param {AbortSignal} [signal] @returns {Promise<Progress>} */
    progress(signal) {
        return this.ask('/migrate/progress', { signal });
    }

    /**
     * A page of runs, newest first.
     * @param {{ before?: number, limit?: number, signal?: AbortSignal }} [page]
     * @returns {Promise<{ runs: Run[], next: number | null }>}
     */
    history({ before, limit = 50, signal } = {}) {
        const from = before === undefined ? '' : `&before=${before}`;
        return this.ask(`/migrate/history?limit=${limit}${from}`, { signal });
    }

    /**
     * Issues a command, such as `migrate`; it has not ended when this has.
     * @param {string} cmd
     * @param {AbortSignal} [signal]
     * @returns {Promise<Answer>}
     */
    command(cmd, signal) {
        return this.ask('/internal/migrations/',
            { method: 'POST', body: { cmd }, signal });
    }

    /** Whether it serves and reaches its store; throws when it is another
     *  kind of server. @param {AbortSignal} [signal] */
    async isReady(signal) {
        try {
            await this.ask('/ready', { signal });
            return true;
        } catch (error) {
            if (error instanceof GodwitError && error.kind === 'refused') {
                throw error;
            }
            return false;
        }
    }
}

/** @param {ServerOptions | GodwitServer} [options] */
const serverOf = (options) => options instanceof GodwitServer ? options
    : new GodwitServer(options);

/** Asks how a migration goes, tells what has changed, stops at its end. */
export class MigrationMonitor {
    /** @type {AbortController | null} */
    #stopper = null;
    /** @type {Promise<Result | null> | null} */
    #watch = null;
    /** @type {Record<string, ((...args: any[]) => unknown)[]>} */
    #callbacks = { progress: [], complete: [], error: [], network: [] };

    /**
     * @param {number} [checkInterval] ms between two looks; longer while the
     *   server does not answer, up to 30 s
     * @param {ServerOptions | GodwitServer} [options]
     */
    constructor(checkInterval = 5000, options = {}) {
        this.checkInterval = checkInterval;
        this.server = serverOf(options);
        this.isMonitoring = false;
        /** @type {Result | null} */
        this.lastStatus = null;
        /** @type {Error | null} why the server did not answer last time */
        this.networkError = null;
    }

    /** While it runs. @param {(status: Result) => unknown} callback */
    onProgress(callback) { return this.#add('progress', callback); }

    /** It ended well. @param {(status: Result) => unknown} callback */
    onComplete(callback) { return this.#add('complete', callback); }

    /** It has failed. @param {(status: Result) => unknown} callback */
    onError(callback) { return this.#add('error', callback); }

    /** Once when the server is away, and once, with null, when it is back.
     * @param {(error: Error | null) => unknown} callback */
    onNetworkError(callback) { return this.#add('network', callback); }

    /** @param {string} kind @param {(...args: any[]) => unknown} callback */
    #add(kind, callback) {
        this.#callbacks[kind].push(callback);
        return this;
    }

    /** @param {string} kind @param {unknown} what */
    #tell(kind, what) {
        for (const callback of this.#callbacks[kind]) tell(callback, what);
    }

    /**
     * Watches until the migration has ended or stopMonitoring is called.
     * Gives the last status. Called twice, it is the same watch.
     * @returns {Promise<Result | null>}
     */
    startMonitoring() {
        if (this.isMonitoring && this.#watch) return this.#watch;
        this.#stopper = new AbortController();
        this.isMonitoring = true;
        this.lastStatus = null;
        this.#watch = this.#look(this.#stopper.signal);
        return this.#watch;
    }

    stopMonitoring() {
        this.isMonitoring = false;
        this.#stopper?.abort();
    }

    /** @param {AbortSignal} signal */
    async #look(signal) {
        for (let failures = 0; !signal.aborted;) {
            try {
                const status = await this.checkMigrationStatus();
                if (signal.aborted) break;
                failures = 0;
                this.#note(null);
                this.handleStatusUpdate(status);
                if (ENDS.includes(status.status)) {
                    if (!signal.aborted) this.stopMonitoring();
                    return status;
                }
            } catch (error) {
                if (signal.aborted) break;
                failures++;
                this.#note(/** @type {Error} */ (error));
            }
            await this.#pause(failures, signal);
        }
        return this.lastStatus;
    }

    /** @param {Error | null} error */
    #note(error) {
        const was = this.networkError;
        this.networkError = error;
        if (Boolean(error) !== Boolean(was)) this.#tell('network', error);
    }

    /** @param {number} failures @param {AbortSignal} signal */
    #pause(failures, signal) {
        const most = Math.max(this.checkInterval, MINUTE / 2);
        return signal.aborted ? undefined : this.delay(Math.min(most,
            this.checkInterval * 2 ** Math.max(0, failures - 1)));
    }

    /** One look; a GodwitError when there is no good answer. */
    checkMigrationStatus() {
        return this.server.result(this.#stopper?.signal);
    }

    /**
     * Tells of a status if it is another than the last; whether it is.
     * @param {Result} status
     */
    handleStatusUpdate(status) {
        if (!this.hasStatusChanged(status)) return false;
        this.lastStatus = { ...status };
        this.#tell(status.status === 'failed' ? 'error'
            : ENDS.includes(status.status) ? 'complete' : 'progress', status);
        return true;
    }

    /** @param {Result} status */
    hasStatusChanged(status) {
        const last = this.lastStatus;
        return last === null || last.status !== status.status ||
            last.step !== status.step ||
            last.try_count !== status.try_count ||
            // some servers give {} for an error
            JSON.stringify(last.last_err) !== JSON.stringify(status.last_err);
    }

    /** Ends early when monitoring is stopped. @param {number} ms */
    delay(ms) {
        return sleep(ms, this.isMonitoring ? this.#stopper?.signal : undefined);
    }
}

/**
 * How a managed migration ended.
 * @typedef {object} Outcome
 * @property {boolean} success
 * @property {string} step `migrate`, `verify` or `finalize`: the last one
 * @property {number} tries attempts at that step
 * @property {string | null} error
 * @property {Kind | 'hook' | null} kind of the error
 * @property {string} started
 * @property {string} ended
 * @property {Run | null} run the server's newest run
 * @property {Record<string, string | number | null> | null} stats
 */

/**
 * Called at their time and waited for. One that throws makes its step fail,
 * but for onProgress, onRetry and onHealth.
 * @typedef {object} Hooks
 * @property {(status: Result) => unknown} [onProgress]
 * @property {(retry: { step: string, tries: number, error: Error }) =>
 *   unknown} [onRetry] before the wait for the next attempt
 * @property {(isHealthy: boolean) => unknown} [onHealth] when that changes
 * @property {(run: Run) => unknown} [verify] checks of your own
 * @property {(run: Run | null) => unknown} [configure] after the cutover:
 *   your own configuration
 * @property {(outcome: Outcome) => unknown} [notify] at the end, good or bad
 */

/**
 * @typedef {object} ManagerOptions
 * @property {number} [maxRetries] how often a step that failed is tried again
 * @property {number} [retryDelay] ms before that
 * @property {number} [healthCheckInterval] ms
 * @property {number} [timeout] ms for one attempt at a step
 * @property {number} [checkInterval] ms between two looks at a run
 * @property {boolean} [finalize] false: no cutover
 * @property {Hooks} [hooks]
 */

/** The whole workflow: migrate, verify, finalize, each with retries. */
export class MigrationManager {
    #stopper = new AbortController();
    #isHealthy = true;
    #checksBegun = 0;
    #newestCheck = 0; /* whose answer is told: a slow one may come late */

    /** @param {ServerOptions & ManagerOptions} [options] */
    constructor(options = {}) {
        this.maxRetries = options.maxRetries ?? 3;
        this.retryDelay = options.retryDelay ?? 30_000;
        this.healthCheckInterval = options.healthCheckInterval ?? 10_000;
        this.timeout = options.timeout ?? 30 * MINUTE;
        this.checkInterval = options.checkInterval ?? 1000;
        this.finalize = options.finalize ?? true;
        this.hooks = options.hooks ?? {};
        this.server = serverOf(options);
        this.step = 'migrate';
        this.tries = 0;
    }

    /** Migrates, does the tasks after it, and tells how it ended. */
    async manageMigration() {
        const started = new Date().toISOString();
        this.#stopper = new AbortController();
        /** @type {unknown} */
        let problem = null;
        try {
            await this.#insist('migrate',
                () => this.runMigrationWithMonitoring());
            await this.postMigrationTasks();
        } catch (error) {
            problem = error;
        }
        const outcome = await this.#sumUp(started, problem);
        await this.notifyMigrationComplete(outcome);
        return outcome;
    }

    /** Stops managing; what the server runs goes on. */
    stop() { this.#stopper.abort(); }

    /**
     * Runs `migrate`, or watches the one that runs, to its end. When the time
     * is over the server's run is cancelled; what is done is kept.
     * @param {number} [timeout] ms
     */
    runMigrationWithMonitoring(timeout = this.timeout) {
        return this.#run('migrate', timeout);
    }

    /** Verifies, and when that was well, finalizes. */
    async postMigrationTasks() {
        await this.#insist('verify', () => this.verifyMigrationIntegrity());
        await this.#insist('finalize', () => this.updateSystemConfiguration());
    }

    /** The server's `verify`, then the hook; a difference is not retried. */
    async verifyMigrationIntegrity() {
        const run = await this.#run('verify', this.timeout);
        await this.hooks.verify?.(run);
        return run;
    }

    /** The cutover (`finalize`), then the hook. */
    async updateSystemConfiguration() {
        const run = this.finalize
            ? await this.#run('finalize', this.timeout) : null;
        await this.hooks.configure?.(run);
        return run;
    }

    /** Tells the hook; how that goes changes nothing.
     * @param {Outcome} outcome */
    async notifyMigrationComplete(outcome) {
        try {
            await this.hooks.notify?.(outcome);
        } catch (error) {
            report(error);
        }
    }

    /**
     * Tries until it works, as often as is allowed.
     * @param {string} step
     * @param {() => Promise<unknown>} attempt
     */
    async #insist(step, attempt) {
        this.step = step;
        for (this.tries = 1; ; this.tries++) {
            try {
                return await attempt();
            } catch (error) {
                if (!this.#mayRetry(error)) throw error;
                const { tries } = this;
                tell(() => this.hooks.onRetry?.(
                    { step, tries, error: /** @type {Error} */ (error) }));
                await sleep(this.retryDelay, this.#stopper.signal);
                this.#mustGoOn();
            }
        }
    }

    /** @param {unknown} error */
    #mayRetry(error) {
        const isFinal = error instanceof GodwitError &&
            ['refused', 'different', 'stopped'].includes(error.kind);
        return !isFinal && this.tries <= this.maxRetries;
    }

    #mustGoOn() {
        if (!this.#stopper.signal.aborted) return;
        throw new GodwitError('stopped', 'the manager was stopped');
    }

    /**
     * Runs one command to its end.
     * @param {string} cmd
     * @param {number} timeout ms
     */
    async #run(cmd, timeout) {
        const end = performance.now() + timeout;
        await this.#issue(cmd, end);
        if (!await this.#watch(end)) {
            await this.#cancel();
            throw new GodwitError('timeout',
                `${cmd} did not end within ${timeout} ms and was cancelled`);
        }
        return this.#judge(cmd);
    }

    /** Issues it, behind what runs already. @param {string} cmd
     * @param {number} end */
    async #issue(cmd, end) {
        await this.#untilReady(end);
        for (;;) {
            try {
                await this.server.command(cmd, this.#stopper.signal);
                return;
            } catch (error) {
                if (!(error instanceof GodwitError) || error.status !== 400 ||
                    !error.message.startsWith('Migration is running')) {
                    throw error;
                }
            }
            const run = await this.#newestRun();
            if (run?.command === cmd && run.result === 'running') return;
            await this.#wait(this.checkInterval, end, 'another command runs');
        }
    }

    /** Watches what runs; whether it ended in time. @param {number} end */
    async #watch(end) {
        const monitor = new MigrationMonitor(this.checkInterval, this.server);
        if (this.hooks.onProgress) monitor.onProgress(this.hooks.onProgress);
        const stop = () => monitor.stopMonitoring();
        const timer = setTimeout(stop, Math.max(0, end - performance.now()));
        const health = setInterval(() => this.#isHealthyNow().catch(() => {}),
            this.healthCheckInterval);
        this.#stopper.signal.addEventListener('abort', stop);
        try {
            const status = await monitor.startMonitoring();
            this.#mustGoOn();
            return status !== null && ENDS.includes(status.status);
        } finally {
            clearTimeout(timer);
            clearInterval(health);
            this.#stopper.signal.removeEventListener('abort', stop);
        }
    }

    /** Ends what took too long: at the end of its batch. */
    async #cancel() {
        const end = performance.now() + this.server.requestTimeout;
        try {
            await this.server.command('cancel');
            while ((await this.server.result()).status === 'running') {
                await this.#wait(this.checkInterval, end, 'it runs on');
            }
        } catch { /* the timeout is what is told */ }
    }

    /** How the command ended that ran last. @param {string} cmd */
    async #judge(cmd) {
        const run = await this.#newestRun();
        if (run?.command !== cmd) {
            throw new GodwitError('server',
                `another command came after ${cmd}`);
        }
        if (run.result === 'completed') return run;
        throw new GodwitError(run.code === 'different' ? 'different'
            : run.code === 'usage' ? 'refused' : 'migration',
        run.error ?? `${cmd} was ${run.result}`);
    }

    /** @returns {Promise<Run | null>} */
    async #newestRun() {
        const { runs } = await this.server.history({ limit: 1 });
        return runs[0] ?? null;
    }

    /** @param {number} end */
    async #untilReady(end) {
        while (!await this.#isHealthyNow()) {
            await this.#wait(this.healthCheckInterval, end,
                'the server is not ready');
        }
    }

    async #isHealthyNow() {
        const number = ++this.#checksBegun;
        const isHealthy = await this.server.isReady(this.#stopper.signal);
        this.#mustGoOn();
        if (number < this.#newestCheck) return isHealthy;
        this.#newestCheck = number;
        if (isHealthy !== this.#isHealthy && this.hooks.onHealth) {
            tell(this.hooks.onHealth, isHealthy);
        }
        this.#isHealthy = isHealthy;
        return isHealthy;
    }

    /** @param {number} ms @param {number} end @param {string} why */
    async #wait(ms, end, why) {
        const left = end - performance.now();
        if (left <= 0) throw new GodwitError('timeout', `${why}; time is over`);
        await sleep(Math.min(ms, left), this.#stopper.signal);
        this.#mustGoOn();
    }

    /**
     * @param {string} started
     * @param {unknown} problem
     * @returns {Promise<Outcome>}
     */
    async #sumUp(started, problem) {
        const [run, stats] = await Promise.all([
            this.#newestRun().catch(() => null),
            this.server.command('stats').then((a) => a.stats ?? null,
                () => null)]);
        return { success: problem === null, step: this.step, tries: this.tries,
            error: problem === null ? null : textOf(problem),
            kind: problem === null ? null
                : problem instanceof GodwitError ? problem.kind : 'hook',
            started, ended: new Date().toISOString(), run, stats };
    }
}

const IMPORT = ['user', 'channel', 'message', 'conversation', 'cleanup'];

/** The elements of the dashboard. */
const PARTS = { view: 'section', state: 'p', bar: 'progress', error: 'p',
    notice: 'p', start: 'button', stop: 'button', refresh: 'button',
    save: 'button' };

/** @typedef {{ at: string, type: string, message: string }} LogEntry */

/**
 * @typedef {object} DashboardOptions
 * @property {Element | string | null} [root] where it is shown, an element or
 *   its selector; a page's body otherwise. Without a page it shows nothing.
 * @property {number} [checkInterval] ms; 3 s
 * @property {(message: string, type: string) => unknown} [onNotification]
 */

/** A small view of a migration for any page; also without one. */
export class MigrationDashboard {
    /** @type {Record<string, HTMLElement>} */
    #parts = {};

    /** @param {ServerOptions & DashboardOptions} [options] */
    constructor(options = {}) {
        this.options = options;
        this.server = serverOf(options);
        this.monitor = new MigrationMonitor(options.checkInterval ?? 3000,
            this.server);
        /** @type {LogEntry[]} the newest 1000 */
        this.logs = [];
        /** @type {Result | null} */
        this.status = null;
        /** @type {Progress | null} */
        this.progress = null;
        this.#listen();
    }

    #listen() {
        this.monitor.onProgress((status) => this.#take(status));
        this.monitor.onComplete((status) => {
            this.#take(status);
            this.showNotification('The migration has ended well', 'success');
        });
        this.monitor.onError((status) => {
            this.#take(status);
            this.showNotification(`The migration has failed: ${
                textOf(status.last_err)}`, 'error');
        });
        this.monitor.onNetworkError((error) => this.showNotification(error
            ? `The server is away: ${error.message}`
            : 'The server answers again', error ? 'warning' : 'info'));
    }

    /** Shows itself, looks, and watches; gives the watch's promise. */
    async startDashboard() {
        this.#build();
        await this.refreshStatus();
        return this.startMonitoring();
    }

    /** Looks once, now. Gives the status, or null when nobody answers. */
    async refreshStatus() {
        try {
            const status = await this.server.result();
            this.progress = await this.server.progress().catch(() => null);
            this.#take(status);
            return status;
        } catch (error) {
            this.showNotification(`No status: ${textOf(error)}`, 'warning');
            return null;
        }
    }

    startMonitoring() {
        const watch = this.monitor.startMonitoring();
        this.#show();
        return watch.finally(() => this.#show());
    }

    stopMonitoring() {
        this.monitor.stopMonitoring();
        this.#show();
    }

    /**
     * What is known as JSON text; a page also saves it as a file.
     * @returns {Promise<string>}
     */
    async exportLogs() {
        const history = await this.server.history({ limit: 200 })
            .catch(() => null);
        const text = JSON.stringify({ exported: new Date().toISOString(),
            server: this.server.baseUrl, status: this.status,
            progress: this.progress, percent: this.calculateProgress(),
            history: history?.runs ?? null, logs: this.logs }, null, 2);
        if (typeof document !== 'undefined') {
            const link = document.createElement('a');
            link.href = URL.createObjectURL(
                new Blob([text], { type: 'application/json' }));
            link.download = 'godwit-logs.json';
            link.click();
            setTimeout(() => URL.revokeObjectURL(link.href), MINUTE);
        }
        return text;
    }

    /**
     * In the page, to the hook, and by the browser where that is permitted.
     * @param {string} message
     * @param {'info' | 'success' | 'warning' | 'error'} [type]
     */
    showNotification(message, type = 'info') {
        this.#log(type, message);
        if (this.options.onNotification) {
            tell(this.options.onNotification, message, type);
        }
        const { notice } = this.#parts;
        if (notice) {
            notice.textContent = message;
            notice.dataset.type = type;
        }
        if (typeof Notification !== 'undefined' &&
            Notification.permission === 'granted' &&
            typeof document !== 'undefined' && document.hidden) {
            tell(() => new Notification('Godwit', { body: message }));
        }
    }

    /**
     * Percent of the steps user, channel, message, conversation, cleanup that
     * are done. A migration has one step: there it is that of its positions.
     * @param {{ status?: string, step: string } | string} [status] or a step
     */
    calculateProgress(status = this.status ?? '') {
        const { step, status: state } = typeof status === 'string'
            ? { step: status, status: 'running' } : status;
        if (state === 'completed' || state === 'migrated') return 100;
        const at = IMPORT.indexOf(step);
        if (at >= 0) return Math.round(at * 100 / IMPORT.length);
        const { positions_done: done, positions_total: total } =
            this.progress ?? { positions_done: null, positions_total: null };
        return step && done !== null && total
            ? Math.floor(Math.min(done, total) * 100 / total) : 0;
    }

    /** @param {string} type @param {string} message */
    #log(type, message) {
        this.logs.push({ at: new Date().toISOString(), type, message });
        if (this.logs.length > LOG_MAX) this.logs.shift();
    }

    /** @param {Result} status */
    #take(status) {
        const last = this.status;
        this.status = status;
        if (JSON.stringify(last) !== JSON.stringify(status)) {
            this.#log(status.status, `${status.step || 'nothing'}, attempt ${
                status.try_count}${status.last_err
                ? `: ${textOf(status.last_err)}` : ''}`);
        }
        this.#show();
        if (status.status === 'running') this.#measure();
    }

    /** How far it is, in the background. */
    #measure() {
        this.server.progress().then((progress) => {
            this.progress = progress;
            this.#show();
        }, () => {});
    }

    /** Its elements, once; classes begin with `godwit-`. */
    #build() {
        if (typeof document === 'undefined' || this.#parts.view) return;
        const { root = document.body } = this.options;
        const place = typeof root === 'string' ? document.querySelector(root)
            : root;
        if (!place) throw new Error(`no element for the dashboard: ${root}`);
        this.#parts = Object.fromEntries(Object.entries(PARTS)
            .map(([name, tag]) => [name, document.createElement(tag)]));
        const { view, ...rest } = this.#parts;
        for (const [name, element] of Object.entries(this.#parts)) {
            element.className = `godwit-${name}`;
        }
        view.append(...Object.values(rest));
        this.#furnish();
        place.append(view);
    }

    #furnish() {
        const { view, state, bar, notice } = this.#parts;
        view.setAttribute('aria-label', 'Migration');
        bar.setAttribute('aria-label', 'Progress');
        bar.setAttribute('max', '100');
        for (const live of [state, notice]) live.setAttribute('role', 'status');
        /** @type {[string, string, () => unknown][]} */
        const buttons = [
            ['start', 'Start monitoring', () => this.startMonitoring()],
            ['stop', 'Stop monitoring', () => this.stopMonitoring()],
            ['refresh', 'Refresh', () => this.refreshStatus()],
            ['save', 'Export logs', () => this.exportLogs()]];
        for (const [name, text, act] of buttons) {
            this.#parts[name].textContent = text;
            this.#parts[name].addEventListener('click', () => tell(act));
        }
    }

    #show() {
        const { view, state, bar, error, start, stop } = this.#parts;
        if (!view) return;
        const status = this.status;
        view.dataset.status = status?.status ?? 'unknown';
        state.textContent = !status ? 'Not known yet'
            : `${status.status}${status.step ? `: ${status.step}` : ''}${
                status.try_count > 1 ? `, attempt ${status.try_count}` : ''}`;
        bar.setAttribute('value', String(this.calculateProgress()));
        error.textContent = status?.last_err ? textOf(status.last_err) : '';
        start.toggleAttribute('disabled', this.monitor.isMonitoring);
        stop.toggleAttribute('disabled', !this.monitor.isMonitoring);
    }
}
