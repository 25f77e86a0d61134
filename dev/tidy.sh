#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dev/tidy.sh [FILE…]: clang-tidy 14 on src and examples, with the compile
# commands of build/dev; a finding is an error.
cd "$(dirname "$0")/.." || exit 1
[ $# -gt 0 ] || set -- $(git ls-files --cached --others --exclude-standard \
    -- 'src/*.c' 'examples/*.c')
printf '%s\n' "$@" |
    xargs -P 2 -n 4 clang-tidy-14 --quiet -p build/dev 2>/dev/null
