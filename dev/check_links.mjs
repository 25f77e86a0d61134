// SPDX-License-Identifier: Apache-2.0
// Every link of a .md file to another file of the project leads there.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { complain, files, lines } from './tree.mjs';

for (const file of files(/^(?!tests\/conformance\/corpus\/).*\.md$/))
  for (const [text, n] of lines(file))
    for (const [, target] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g))
      if (!/^[a-z]+:/.test(target) &&
          !existsSync(join(dirname(file), target)))
        complain(file, n, `the link to ${target} leads nowhere`);
