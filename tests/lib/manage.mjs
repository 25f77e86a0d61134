// SPDX-License-Identifier: Apache-2.0
// Starting `godwit manage`, and what it tells.
import assert from 'node:assert/strict';
import fs from 'node:fs';

import { start } from './godwit.mjs';

export const QUICK = ['--retry-delay', '20ms', '--interval', '20ms', '--json'];

export const manage = (p, ...args) => start(['manage', ...QUICK, ...args], p);

/** The record that --json prints. */
export function record(r) {
    const lines = r.out.trimEnd().split('\n');
    assert.equal(lines.length, 1, r.out + r.err);
    return JSON.parse(lines[0]);
}

/** A shell line that writes what it is told into a file. */
export const tell = (file) => `env | grep ^GODWIT_RESULT | sort > ` +
    `'${file}.new'; mv '${file}.new' '${file}'`;

export const told = (file) => Object.fromEntries(
    fs.readFileSync(file, 'utf8').trimEnd().split('\n')
        .map((line) => line.split(/=(.*)/s).slice(0, 2)));
