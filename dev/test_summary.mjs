// SPDX-License-Identifier: Apache-2.0
// node test_summary.mjs LastTest.log STATUS
//
// Adds up the counts that the test programs themselves printed (cmocka,
// node:test, the conformance runner) and prints them by kind, then
// `N passed, M failed` as the last line. A test without counts is one. STATUS
// is CTest's own: it knows of tests that could not even begin.
import { readFileSync } from 'node:fs';

/** One counter per runner: passed and failed of an output, or null. */
const runners = [
  function cmocka(text) {
    const ran = text.match(/^\[=+\] (?:.*: )?\d+ test\(s\) run\.$/m);
    if (!ran) return null;
    return {
      passed: sum(text, /^\[ +PASSED +\] (\d+) test\(s\)\.$/gm),
      failed: sum(text, /^\[ +FAILED +\] .*?(\d+) test\(s\), listed below:$/gm),
    };
  },
  function nodeTest(text) {
    if (!/^# tests \d+$/m.test(text)) return null;
    return {
      passed: sum(text, /^# pass (\d+)$/gm),
      failed: sum(text, /^# fail (\d+)$/gm) +
        sum(text, /^# cancelled (\d+)$/gm),
    };
  },
  function conformance(text) {
    if (!/^\d+ passed, \d+ failed$/m.test(text)) return null;
    return {
      passed: sum(text, /^(\d+) passed, \d+ failed$/gm),
      failed: sum(text, /^\d+ passed, (\d+) failed$/gm),
    };
  },
];

function sum(text, pattern) {
  return [...text.matchAll(pattern)].reduce((n, m) => n + Number(m[1]), 0);
}

/** {name, passed, failed} of one test's part of the log. */
function countOf(part) {
  const name = part.match(/^\d+\/\d+ Test: (.*)$/m)[1];
  const ok = /^Test Passed\.$/m.test(part);
  const skipped = /^Test Skipped\.$/m.test(part);
  let count = null;
  for (const runner of runners) count ??= runner(part);
  count ??= { passed: ok ? 1 : 0, failed: 0 };
  if (!ok && !skipped && count.failed === 0) count.failed = 1;
  return { name, ...count };
}

const log = readFileSync(process.argv[2], 'utf8');
const parts = log.split(/^(?=\d+\/\d+ Testing: )/m).slice(1);
const rows = new Map();
for (const part of parts) {
  const { name, passed, failed } = countOf(part);
  const kind = name.split('/')[0];
  const row = rows.get(kind) ?? { passed: 0, failed: 0 };
  rows.set(kind, row);
  row.passed += passed;
  row.failed += failed;
}

const total = { passed: 0, failed: 0 };
console.log();
for (const [kind, { passed, failed }] of [...rows].sort()) {
  const n = String(passed).padStart(6);
  console.log(`${kind.padEnd(12)}${n} passed, ${failed} failed`
    .replace(/, 0 failed$/, ''));
  total.passed += passed;
  total.failed += failed;
}
if (process.argv[3] !== '0' && total.failed === 0) total.failed = 1;
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 ? 1 : 0;
