// SPDX-License-Identifier: Apache-2.0
// Each module includes only itself and what is below it; each library has
// one home, and never shows in a header. Tests may use them all.
import { complain, files, lines } from './tree.mjs';

const order = ['base', 'event', 'store', 'migration', 'engine', 'net', 'source',
  'service', 'http', 'cli'];

/** Which files may include a header of a library. */
const homes = [
  [/^sqlite3\.h$/, /^src\/store\/.*\.c$/],
  [/^libpq/, /^src\/store\/.*\.c$/],
  [/^(lua|lualib|lauxlib)\.h$/, /^src\/migration\/.*(\.c|_priv\.h)$/],
  [/^dlfcn\.h$/, /^src\/migration\/.*\.c$/],
  [/^openssl\//, /^src\/(migration|base)\/.*\.c$/],
  [/^curl\//, /^src\/net\/.*\.c$/],
  [/^yajl\//, /^src\/source\/list\.c$/],
  [/^zlib\.h$/, /^src\/source\/wukongim_name\.c$/],
  [/^microhttpd\.h$/, /^src\/http\/.*\.c$/],
  [/^(jansson|cmocka)\.h$/, /^tests\//],
];

for (const file of files(/^(src|include|tests)\/.*\.[ch]$/)) {
  const own = file.match(/^src\/(\w+)\//)?.[1];
  for (const [text, n] of lines(file)) {
    const header = text.match(/^\s*#\s*include\s*["<]([^">]+)[">]/)?.[1];
    if (!header) continue;
    const other = header.match(/^(\w+)\//)?.[1];
    if (own && order.indexOf(other) > order.indexOf(own))
      complain(file, n, `${own} is below ${other} and must not include it`);
    if (own && other && other !== own && /_priv\.h$/.test(header))
      complain(file, n, `${header} is private to ${other}`);
    for (const [library, home] of file.startsWith('tests/') ? [] : homes)
      if (library.test(header) && !home.test(file))
        complain(file, n, `${header} has another home`);
  }
}
