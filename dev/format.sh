#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dev/format.sh check|fix: clang-format 14 on every C file.
cd "$(dirname "$0")/.." || exit 1
case ${1:-} in
check) how="--dry-run -Werror" ;;
fix) how=-i ;;
*)
    echo "usage: dev/format.sh check|fix" >&2
    exit 2
    ;;
esac
git ls-files --cached --others --exclude-standard -z -- '*.c' '*.h' |
    xargs -0 clang-format-14 $how
