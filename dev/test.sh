#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dev/test.sh BUILD [CTEST OPTION…]: runs the tests of a build folder and ends
# with the number of single tests that passed and failed.
set -u
build=$1
shift
log=$build/Testing/Temporary/LastTest.log
rm -f "$log"

ctest --test-dir "$build" --output-on-failure --no-tests=error -j 2 "$@"
status=$?
node "$(dirname "$0")/test_summary.mjs" "$log" $status || status=1
exit $status
