#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dev/fuzz_http.sh: builds the fuzzer of requests and runs it for
# GODWIT_FUZZ_SECONDS (60). A finding is a failure.
set -eu
cd "$(dirname "$0")/.."
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --target http_fuzz
dev/fuzz.sh build/fuzz "${GODWIT_FUZZ_SECONDS:-60}" http
