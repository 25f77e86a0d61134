#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dev/tsan_http.sh [SECONDS]: builds the server with ThreadSanitizer and lets
# 50 clients issue random commands for so long (30). A race is a failure.
set -eu
cd "$(dirname "$0")/.."
cmake --preset tsan >/dev/null
cmake --build --preset tsan --target godwit
GODWIT=$PWD/build/tsan/godwit \
GODWIT_HTTP_MS=$((${1:-30} * 1000)) \
TSAN_OPTIONS="halt_on_error=0 exitcode=66 second_deadlock_stack=1" \
    exec node --test --test-reporter=tap \
    --test-name-pattern='many clients with random commands' \
    tests/e2e/http.test.mjs
