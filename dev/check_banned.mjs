// SPDX-License-Identifier: Apache-2.0
// Functions that C has and we do not use, and what to use instead.
import { complain, files, lines } from './tree.mjs';

const banned = {
  strcpy: 'a gw_buf or gw_arena_dup', strcat: 'a gw_buf',
  stpcpy: 'a gw_buf', strncpy: 'memcpy with a known length',
  strncat: 'a gw_buf', sprintf: 'snprintf or gw_buf_printf',
  vsprintf: 'vsnprintf', gets: 'getline', strtok: 'strcspn',
  strtok_r: 'strcspn', atoi: 'strtoll and its errors',
  atol: 'strtoll and its errors', atoll: 'strtoll and its errors',
  atof: 'strtod and its errors', scanf: 'strtoll', sscanf: 'strtoll',
  fscanf: 'getline', alloca: 'an arena', tmpnam: 'mkstemp',
  tempnam: 'mkstemp', mktemp: 'mkstemp', asctime: 'strftime',
  ctime: 'strftime', gmtime: 'gmtime_r', localtime: 'localtime_r',
  rand: 'a generator with its own state', srand: 'the same',
  system: 'fork and exec', popen: 'fork and exec',
};
const allocation = {
  malloc: 'gw_malloc', calloc: 'gw_calloc', realloc: 'gw_realloc',
  strdup: 'gw_strdup',
};

function check(pattern, table) {
  const call = new RegExp(
    `(?<![\\w.>])(${Object.keys(table).join('|')})\\s*\\(`, 'g');
  for (const file of files(pattern))
    for (const [text, n] of lines(file)) {
      const code = text.replace(/"(\\.|[^"\\])*"|\/\*.*?\*\/|\/\/.*/g, '""')
        .replace(/^\s*\*.*$/, '');
      for (const [, name] of code.matchAll(call))
        complain(file, n, `${name}: use ${table[name]}`);
    }
}

check(/^(src|examples|include)\/.*\.[ch]$/, banned);
check(/^src\/(?!base\/mem\.c).*\.[ch]$/, allocation);
