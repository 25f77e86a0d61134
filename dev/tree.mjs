// SPDX-License-Identifier: Apache-2.0
// What the checks share: the files of the project, and the way to complain.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Files that are or would be in the repository and whose path matches. */
export function files(pattern) {
  return execFileSync('git', ['ls-files', '-z', '--cached', '--others',
    '--exclude-standard', '--deduplicate'], { maxBuffer: 1 << 26 })
    .toString().split('\0')
    .filter((file) => pattern.test(file)).sort();
}

/** [text, line number] of each line of a file. */
export function lines(file) {
  return readFileSync(file, 'utf8').split('\n').map((text, i) => [text, i + 1]);
}

/** Prints one finding; the program will exit with 1. */
export function complain(file, line, text) {
  console.error(`${file}:${line}: ${text}`);
  process.exitCode = 1;
}
