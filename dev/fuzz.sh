#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dev/fuzz.sh BUILD SECONDS: runs each fuzzer for so long. The corpus grows in
# BUILD/corpus; seeds are in tests/fuzz/seeds/NAME when there are any.
set -eu
build=$1
seconds=$2
for fuzzer in "$build"/*_fuzz; do
    name=$(basename "$fuzzer" _fuzz)
    corpus=$build/corpus/$name
    seeds=tests/fuzz/seeds/$name
    mkdir -p "$corpus" "$build/findings"
    [ -d "$seeds" ] || seeds=
    echo "$name"
    "$fuzzer" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -verbosity=0 -print_final_stats=1 \
        -artifact_prefix="$build/findings/" "$corpus" $seeds
done
