export type Result = {
    /**
     * `running`, `completed`, `migrated` or `failed`
     */
    status: string;
    /**
     * the step under way, or the last one
     */
    step: string;
    /**
     * the last error of this step
     */
    last_err: string | null;
    /**
     * attempts at this step, from 1
     */
    try_count: number;
};
export type Run = {
    run: number;
    command: string;
    start: string;
    end: string | null;
    duration_ms: number | null;
    /**
     * `running`, `completed`, `failed`, `cancelled` or
     * `interrupted`
     */
    result: string;
    step: string;
    tries: number;
    error: string | null;
    /**
     * the kind of the error
     */
    code: string | null;
    positions: number | null;
    events: number | null;
};
export type Progress = {
    phase: string | null;
    positions_done: number | null;
    positions_total: number | null;
    events_done: number | null;
    events_per_second: number | null;
    seconds_left: number | null;
    lag_positions: number | null;
};
export type Answer = {
    success: boolean;
    status?: string | null;
    output?: string;
    exception?: string;
    progress?: Progress;
    stats?: Record<string, string | number | null>;
};
export type ServerOptions = {
    /**
     * where the server is; a page may leave it out
     * when it comes from the same place
     */
    baseUrl?: string;
    /**
     * needed for commands
     */
    secret?: string;
    fetch?: typeof globalThis.fetch;
    /**
     * ms for one request; 10 s
     */
    requestTimeout?: number;
};
export type RequestOptions = {
    method?: string;
    /**
     * sent as JSON
     */
    body?: unknown;
    signal?: AbortSignal;
};
export type RequestKind = 'network' | 'server' | 'refused' | 'stopped';
export type Kind = RequestKind | 'migration' | 'different' | 'timeout';
/** Every error of this module but those of the caller's own hooks. */
export declare class GodwitError extends Error {
    kind: Kind;
    status: number;
    /**
     * @param {Kind} kind
     * @param {string} message
     * @param {number} [status] of the HTTP answer; 0: there was none
     */
    constructor(kind: Kind, message: string, status?: number);
}
/** The HTTP interface of one server. */
export declare class GodwitServer {
    baseUrl: string;
    secret: string;
    requestTimeout: number;
    fetch: typeof fetch | undefined;
    /** @param {ServerOptions} [options] */
    constructor(options?: ServerOptions);
    /**
     * Asks, and gives the JSON of the answer; a GodwitError otherwise.
     * @param {string} path
     * @param {RequestOptions} [options]
     * @returns {Promise<any>}
     */
    ask(path: string, { method, body, signal }?: RequestOptions): Promise<any>;
    /** @param {unknown} body @returns {Record<string, string>} */
    headers(body: unknown): Record<string, string>;
    /** @param {boolean} ok @param {number} status @param {string} text */
    read(ok: boolean, status: number, text: string): any;
    /** @param {AbortSignal} [signal] @returns {Promise<Result>} */
    result(signal?: AbortSignal): Promise<Result>;
    /** @param {AbortSignal} [signal] @returns {Promise<Progress>} */
    progress(signal?: AbortSignal): Promise<Progress>;
    /**
     * A page of runs, newest first.
     * @param {{ before?: number, limit?: number, signal?: AbortSignal }} [page]
     * @returns {Promise<{ runs: Run[], next: number | null }>}
     */
    history({ before, limit, signal }?: {
        before?: number;
        limit?: number;
        signal?: AbortSignal;
    }): Promise<{
        runs: Run[];
        next: number | null;
    }>;
    /**
     * Issues a command, such as `migrate`; it has not ended when this has.
     * @param {string} cmd
     * @param {AbortSignal} [signal]
     * @returns {Promise<Answer>}
     */
    command(cmd: string, signal?: AbortSignal): Promise<Answer>;
    /** Whether it serves and reaches its store; throws when it is another
     *  kind of server. @param {AbortSignal} [signal] */
    isReady(signal?: AbortSignal): Promise<boolean>;
}
/** Asks how a migration goes, tells what has changed, stops at its end. */
export declare class MigrationMonitor {
    #private;
    checkInterval: number;
    server: GodwitServer;
    isMonitoring: boolean;
    /** @type {Result | null} */
    lastStatus: Result | null;
    /** @type {Error | null} why the server did not answer last time */
    networkError: Error | null;
    /**
     * @param {number} [checkInterval] ms between two looks; longer while the
     *   server does not answer, up to 30 s
     * @param {ServerOptions | GodwitServer} [options]
     */
    constructor(checkInterval?: number, options?: ServerOptions | GodwitServer);
    /** While it runs. @param {(status: Result) => unknown} callback */
    onProgress(callback: (status: Result) => unknown): this;
    /** It ended well. @param {(status: Result) => unknown} callback */
    onComplete(callback: (status: Result) => unknown): this;
    /** It has failed. @param {(status: Result) => unknown} callback */
    onError(callback: (status: Result) => unknown): this;
    /** Once when the server is away, and once, with null, when it is back.
     * @param {(error: Error | null) => unknown} callback */
    onNetworkError(callback: (error: Error | null) => unknown): this;
    /**
     * Watches until the migration has ended or stopMonitoring is called.
     * Gives the last status. Called twice, it is the same watch.
     * @returns {Promise<Result | null>}
     */
    startMonitoring(): Promise<Result | null>;
    stopMonitoring(): void;
    /** One look; a GodwitError when there is no good answer. */
    checkMigrationStatus(): Promise<Result>;
    /**
     * Tells of a status if it is another than the last; whether it is.
     * @param {Result} status
     */
    handleStatusUpdate(status: Result): boolean;
    /** @param {Result} status */
    hasStatusChanged(status: Result): boolean;
    /** Ends early when monitoring is stopped. @param {number} ms */
    delay(ms: number): Promise<void>;
}
export type Outcome = {
    success: boolean;
    /**
     * `migrate`, `verify` or `finalize`: the last one
     */
    step: string;
    /**
     * attempts at that step
     */
    tries: number;
    error: string | null;
    /**
     * of the error
     */
    kind: Kind | 'hook' | null;
    started: string;
    ended: string;
    /**
     * the server's newest run
     */
    run: Run | null;
    stats: Record<string, string | number | null> | null;
};
export type Hooks = {
    onProgress?: (status: Result) => unknown;
    /**
     * before the wait for the next attempt
     */
    onRetry?: (retry: {
        step: string;
        tries: number;
        error: Error;
    }) => unknown;
    /**
     * when that changes
     */
    onHealth?: (isHealthy: boolean) => unknown;
    /**
     * checks of your own
     */
    verify?: (run: Run) => unknown;
    /**
     * after the cutover:
     * your own configuration
     */
    configure?: (run: Run | null) => unknown;
    /**
     * at the end, good or bad
     */
    notify?: (outcome: Outcome) => unknown;
};
export type ManagerOptions = {
    /**
     * how often a step that failed is tried again
     */
    maxRetries?: number;
    /**
     * ms before that
     */
    retryDelay?: number;
    /**
     * ms
     */
    healthCheckInterval?: number;
    /**
     * ms for one attempt at a step
     */
    timeout?: number;
    /**
     * ms between two looks at a run
     */
    checkInterval?: number;
    /**
     * false: no cutover
     */
    finalize?: boolean;
    hooks?: Hooks;
};
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
export declare class MigrationManager {
    #private;
    maxRetries: number;
    retryDelay: number;
    healthCheckInterval: number;
    timeout: number;
    checkInterval: number;
    finalize: boolean;
    hooks: Hooks;
    server: GodwitServer;
    step: string;
    tries: number;
    /** @param {ServerOptions & ManagerOptions} [options] */
    constructor(options?: ServerOptions & ManagerOptions);
    /** Migrates, does the tasks after it, and tells how it ended. */
    manageMigration(): Promise<Outcome>;
    /** Stops managing; what the server runs goes on. */
    stop(): void;
    /**
     * Runs `migrate`, or watches the one that runs, to its end. When the time
     * is over the server's run is cancelled; what is done is kept.
     * @param {number} [timeout] ms
     */
    runMigrationWithMonitoring(timeout?: number): Promise<Run>;
    /** Verifies, and when that was well, finalizes. */
    postMigrationTasks(): Promise<void>;
    /** The server's `verify`, then the hook; a difference is not retried. */
    verifyMigrationIntegrity(): Promise<Run>;
    /** The cutover (`finalize`), then the hook. */
    updateSystemConfiguration(): Promise<Run | null>;
    /** Tells the hook; how that goes changes nothing.
     * @param {Outcome} outcome */
    notifyMigrationComplete(outcome: Outcome): Promise<void>;
}
export type LogEntry = {
    at: string;
    type: string;
    message: string;
};
export type DashboardOptions = {
    /**
     * where it is shown, an element or
     * its selector; a page's body otherwise. Without a page it shows nothing.
     */
    root?: Element | string | null;
    /**
     * ms; 3 s
     */
    checkInterval?: number;
    onNotification?: (message: string, type: string) => unknown;
};
/** @typedef {{ at: string, type: string, message: string }} LogEntry */
/**
 * @typedef {object} DashboardOptions
 * @property {Element | string | null} [root] where it is shown, an element or
 *   its selector; a page's body otherwise. Without a page it shows nothing.
 * @property {number} [checkInterval] ms; 3 s
 * @property {(message: string, type: string) => unknown} [onNotification]
 */
/** A small view of a migration for any page; also without one. */
export declare class MigrationDashboard {
    #private;
    options: ServerOptions & DashboardOptions;
    server: GodwitServer;
    monitor: MigrationMonitor;
    /** @type {LogEntry[]} the newest 1000 */
    logs: LogEntry[];
    /** @type {Result | null} */
    status: Result | null;
    /** @type {Progress | null} */
    progress: Progress | null;
    /** @param {ServerOptions & DashboardOptions} [options] */
    constructor(options?: ServerOptions & DashboardOptions);
    /** Shows itself, looks, and watches; gives the watch's promise. */
    startDashboard(): Promise<Result | null>;
    /** Looks once, now. Gives the status, or null when nobody answers. */
    refreshStatus(): Promise<Result | null>;
    startMonitoring(): Promise<Result | null>;
    stopMonitoring(): void;
    /**
     * What is known as JSON text; a page also saves it as a file.
     * @returns {Promise<string>}
     */
    exportLogs(): Promise<string>;
    /**
     * In the page, to the hook, and by the browser where that is permitted.
     * @param {string} message
     * @param {'info' | 'success' | 'warning' | 'error'} [type]
     */
    showNotification(message: string, type?: 'info' | 'success' | 'warning' | 'error'): void;
    /**
     * Percent of the steps user, channel, message, conversation, cleanup that
     * are done. A migration has one step: there it is that of its positions.
     * @param {{ status?: string, step: string } | string} [status] or a step
     */
    calculateProgress(status?: {
        status?: string;
        step: string;
    } | string): number;
}
