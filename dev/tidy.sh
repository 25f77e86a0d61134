#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dev/tidy.sh [FILE…]: clang-tidy 14 on src and examples, with the compile
# commands of build/dev; a finding is an error. Tests build the examples of
# examples/native by themselves: those need what is said here.
cd "$(dirname "$0")/.." || exit 1
status=0
if [ $# -eq 0 ]; then
    clang-tidy-14 --quiet examples/native/*.c -- -std=c17 -Iinclude \
        2>/dev/null || status=1
    set -- $(git ls-files --cached --others --exclude-standard \
        -- 'src/*.c' 'examples/sample/*.c')
fi
printf '%s\n' "$@" |
    xargs -P 2 -n 4 clang-tidy-14 --quiet -p build/dev 2>/dev/null || status=1
exit $status
