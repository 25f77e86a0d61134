// SPDX-License-Identifier: Apache-2.0
// CMakeLists.txt lists every source of src, by hand: none is forgotten. Each
// file begins with its licence line.
import { readFileSync } from 'node:fs';
import { complain, files, lines } from './tree.mjs';

const build = readFileSync('CMakeLists.txt', 'utf8');
for (const file of files(/^src\/\w+\/.*\.c$/)) {
  const [, module, rest] = file.match(/^src\/(\w+)\/(.*)$/);
  const block = build.match(
    new RegExp(`^gw_module\\(${module}\\n([^)]*)\\)`, 'm'))?.[1] ?? '';
  if (!block.split(/\s+/).includes(rest))
    complain(file, 1, 'is not listed in CMakeLists.txt');
}

const licensed = /\.([ch]|mjs|cmake|sh)$|(^|\/)(Makefile|CMakeLists\.txt)$/;
for (const file of files(licensed))
  if (!lines(file).slice(0, 2).some(([t]) => t.includes(
    'SPDX-License-Identifier: Apache-2.0')))
    complain(file, 1, 'has no SPDX line');
