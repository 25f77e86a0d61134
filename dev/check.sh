#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dev/check.sh: every check of the source text, the cheap ones first; all of
# them run, and the exit status is that of the worst.
cd "$(dirname "$0")/.." || exit 1
status=0

check() {
    name=$1
    shift
    if "$@"; then
        echo "ok    $name"
    else
        echo "FAIL  $name"
        status=1
    fi
}

check layers node dev/check_layers.mjs
check sources node dev/check_sources.mjs
check banned node dev/check_banned.mjs
check links node dev/check_links.mjs
check format dev/format.sh check
check cppcheck dev/cppcheck.sh
check clang-tidy dev/tidy.sh
exit $status
