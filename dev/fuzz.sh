#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dev/fuzz.sh BUILD SECONDS [NAME…]: runs each fuzzer, or those of these names,
# for so long. The corpus grows in BUILD/corpus; what is kept of it is in
# tests/fuzz/seeds/NAME, words in tests/fuzz/NAME.dict.
set -eu
build=$1
seconds=$2
shift 2
if [ $# = 0 ]; then
    for fuzzer in "$build"/*_fuzz; do
        set -- "$@" "$(basename "$fuzzer" _fuzz)"
    done
fi
mkdir -p "$build/findings"
findings=$(realpath "$build/findings")/
for name in "$@"; do
    corpus=$build/corpus/$name
    mkdir -p "$corpus"
    corpus=$(realpath "$corpus")
    seeds=tests/fuzz/seeds/$name
    words=tests/fuzz/$name.dict
    [ -d "$seeds" ] && seeds=$(realpath "$seeds") || seeds=
    [ -f "$words" ] && words=-dict=$(realpath "$words") || words=
    echo "$name"
    # shellcheck disable=SC2086 # none or one
    "$build/${name}_fuzz" -max_total_time="$seconds" -timeout=10 \
        -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 \
        -artifact_prefix="$findings" $words "$corpus" $seeds
done
