#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dev/cppcheck.sh: cppcheck on src and examples.
cd "$(dirname "$0")/.." || exit 1
mkdir -p build/cppcheck
exec cppcheck --quiet -j 2 --cppcheck-build-dir=build/cppcheck \
    --enable=warning,performance,portability --inline-suppr \
    --std=c11 --error-exitcode=1 -D_GNU_SOURCE -DGW_VERSION='""' \
    --suppress=missingIncludeSystem \
    -Isrc -Iinclude -Ibuild/dev/generated src examples
