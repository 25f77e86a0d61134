#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dev/cover.sh BUILD: runs the tests of a coverage build, prints the lines of
# src that they reach, and fails under 90 %. BUILD/html has every line.
set -eu
build=$1
least=90
here=$(dirname "$0")
info=$build/coverage.info

lcov -q -z -d "$build"
"$here/test.sh" "$build"
lcov -q -c -d "$build" -o "$info" --rc lcov_branch_coverage=0
lcov -q -e "$info" "$PWD/src/*" -o "$info"
genhtml -q "$info" -o "$build/html" --prefix "$PWD"
lcov --list "$info"
percent=$(lcov --summary "$info" 2>&1 | awk '/lines/ { print $2 + 0 }')
echo "src: $percent % of lines (at least $least %), $build/html/index.html"
awk -v p="$percent" -v least=$least 'BEGIN { exit !(p >= least) }'
