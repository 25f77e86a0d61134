// SPDX-License-Identifier: Apache-2.0
// A PostgreSQL server of a test's own, which it may kill: on a free loopback
// port, in a temporary folder, ended by its pid.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

import { sleep } from './godwit.mjs';

const bin = process.env.GODWIT_TEST_PG_BIN;

/** The server refuses to run as root. */
function owner() {
    if (process.getuid() !== 0) return {};
    const id = (flag) => Number(execFileSync('id', [flag, 'postgres']));
    return { uid: id('-u'), gid: id('-g') };
}

export function freePort() {
    return new Promise((resolve) => {
        const server = net.createServer().listen(0, '127.0.0.1', () => {
            const { port } = server.address();
            server.close(() => resolve(port));
        });
    });
}

/** Makes a folder with an empty cluster, gone when the test is over. */
export async function makeServer(t, settings = []) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'godwit-server-'));
    const { uid, gid } = owner();
    if (uid) fs.chownSync(folder, uid, gid);
    fs.chmodSync(folder, 0o755);
    const r = spawnSync(path.join(bin, 'initdb'), ['-D',
        path.join(folder, 'data'), '-U', 'godwit', '-A', 'trust', '-E', 'UTF8',
        '--locale=C.UTF-8', '--no-sync'], { cwd: folder, uid, gid,
        encoding: 'utf8' });
    assert.equal(r.status, 0, r.stderr);
    const server = new Server(folder, await freePort(), settings);
    t.after(async () => {
        await server.kill('SIGQUIT');
        fs.rmSync(folder, { recursive: true, force: true });
    });
    await server.start();
    return server;
}

export class Server {
    constructor(folder, port, settings) {
        Object.assign(this, { folder, port, settings });
    }

    get data() { return path.join(this.folder, 'data'); }

    uri(database = 'postgres') {
        return `postgresql://godwit@127.0.0.1:${this.port}/${database}`;
    }

    /** Starts it; after a kill, when the last of its processes is gone. */
    async start(port = this.port) {
        this.port = port;
        for (let tries = 0; tries < 600; tries++) {
            fs.rmSync(path.join(this.data, 'postmaster.pid'), { force: true });
            this.child = spawn(path.join(bin, 'postgres'), ['-D', this.data,
                '-k', this.folder, '-p', String(this.port), '-c',
                'listen_addresses=127.0.0.1', '-c', 'fsync=off',
                ...this.settings.flatMap((s) => ['-c', s])],
            { cwd: this.folder, stdio: 'ignore', ...owner() });
            this.ended = new Promise((resolve) =>
                this.child.on('exit', resolve));
            if (await this.answers()) return;
            await this.kill('SIGQUIT');
        }
        assert.fail('the server does not start');
    }

    async answers() {
        while (this.child.exitCode === null && this.child.signalCode === null) {
            const r = spawnSync(path.join(bin, 'psql'), ['-Xqc', 'SELECT 1',
                '-d', this.uri()], { encoding: 'utf8' });
            if (r.status === 0) return true;
            await sleep(30);
        }
        return false;
    }

    async kill(signal) {
        this.child.kill(signal);
        await this.ended;
    }

    /** Pids of the server's processes that serve Godwit. */
    backends() {
        const children = `/proc/${this.child.pid}/task/${this.child.pid}` +
            '/children';
        return fs.readFileSync(children, 'utf8').split(' ').filter(Boolean)
            .filter((pid) => {
                try {
                    return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8')
                        .includes('postgres: godwit store');
                } catch {
                    return false;
                }
            }).map(Number);
    }
}
