// SPDX-License-Identifier: Apache-2.0
// docs/client.md: its examples run as they are, against a real server; the
// types are those of the source.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { STATES } from '../lib/dashboard_states.mjs';
import { makeFolder, repo } from '../lib/godwit.mjs';
import { serve } from '../lib/server.mjs';
import { prepare } from '../lib/stores.mjs';

const examples = [...fs.readFileSync(path.join(repo, 'docs', 'client.md'),
    'utf8').matchAll(/^```js\n(.*?)^```/gms)].map(([, text]) => text);

/** Runs an example in a folder with the library and the secret's file. */
function runExample(t, server, text) {
    const folder = makeFolder(t);
    fs.cpSync(path.join(repo, 'web', 'godwit-client.js'),
        path.join(folder, 'godwit-client.js'));
    fs.writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
    fs.mkdirSync(path.join(folder, 'app.db-godwit-state'));
    fs.writeFileSync(path.join(folder, 'app.db-godwit-state', 'secret'),
        `${server.secret}\n`);
    fs.writeFileSync(path.join(folder, 'example.js'),
        text.replaceAll('http://127.0.0.1:5001', server.url));
    const r = spawnSync(process.execPath, ['example.js'],
        { cwd: folder, encoding: 'utf8', timeout: 60_000 });
    assert.equal(r.status, 0, r.stderr);
    return r.stdout;
}

test('every example runs and prints what it should', async (t) => {
    const server = await serve(t, prepare(t));
    const prints = [/^well done: completed\n$/,
        /^tell the application\ntrue null\nfinalize 1 3\n$/,
        /^success The migration has ended well\n\{\n {2}"exported"/];
    assert.equal(examples.length, prints.length);

    for (const [i, text] of examples.entries()) {
        assert.match(await runExample(t, server, text), prints[i]);
    }
});

test('each state of the dashboard has its two pictures, and small', () => {
    const folder = path.join(repo, 'docs', 'screenshots');
    const wanted = Object.keys(STATES).flatMap((name) =>
        [`${name}-dark.png`, `${name}-light.png`]).sort();

    const files = fs.readdirSync(folder).sort();
    const total = files.reduce((sum, file) =>
        sum + fs.statSync(path.join(folder, file)).size, 0);

    assert.deepEqual(files, wanted, 'make screenshots');
    assert.ok(total < 2 * 1024 * 1024, `${total} bytes`);
});

const tsc = path.join(repo, 'node_modules', '.bin', 'tsc');

test('the types hold, and the .d.ts is that of the source', (t) => {
    const folder = makeFolder(t);

    execFileSync(tsc, ['-p', path.join(repo, 'web'), '--outDir', folder],
        { stdio: 'inherit' });

    const name = 'godwit-client.d.ts';
    assert.equal(fs.readFileSync(path.join(repo, 'web', name), 'utf8'),
        fs.readFileSync(path.join(folder, name), 'utf8'),
        'make it anew: npx tsc -p web');
});

test('the types refuse what is wrong, and take what is right', (t) => {
    const folder = makeFolder(t);
    const check = (text) => {
        fs.writeFileSync(path.join(folder, 'use.ts'), `import { MigrationMonitor,
            MigrationManager } from './godwit-client.js';\n${text}\n`);
        return spawnSync(tsc, ['--noEmit', '--strict', '--types', '',
            '--module', 'nodenext', '--lib', 'es2022,dom', 'use.ts'],
        { cwd: folder, encoding: 'utf8' });
    };
    fs.cpSync(path.join(repo, 'web', 'godwit-client.d.ts'),
        path.join(folder, 'godwit-client.d.ts'));
    fs.writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');

    const right = check(`const monitor = new MigrationMonitor(10);
        monitor.onProgress((s) => s.try_count.toFixed());
        new MigrationManager({ secret: 'x', hooks: {
            notify: async (o) => o.error?.trim() } }).manageMigration();`);
    const wrong = check(`new MigrationMonitor("soon");
        new MigrationManager({ retries: 3 });
        new MigrationMonitor().onProgress((s) => s.percent);`);

    assert.equal(right.status, 0, right.stdout);
    assert.deepEqual([...wrong.stdout.matchAll(/use\.ts\((\d)/g)]
        .map(([, line]) => line), ['3', '4', '5'], wrong.stdout);
});
