#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# with_postgres.sh COMMAND…: runs it with GODWIT_TEST_PG_URI naming a database
# of a PostgreSQL of its own, in a temporary folder, reached by a socket in
# that folder. Ends the server afterwards, by its pid. The superuser is
# `godwit`; PATH has the server's own psql first.
# PG_BINDIR names the server's programs; exit status 77 when there are none.
set -eu

bin=${PG_BINDIR:-}
if [ -z "$bin" ]; then
    for d in /usr/lib/postgresql/*/bin; do
        [ -x "$d/initdb" ] && bin=$d
    done
fi
if [ -z "$bin" ]; then
    echo "with_postgres.sh: no PostgreSQL server is installed" >&2
    exit 77
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/godwit-pg-XXXXXX")
server=
stop() {
    if [ -n "$server" ] && [ -s "$folder/data/postmaster.pid" ]; then
        kill -QUIT "$(head -n 1 "$folder/data/postmaster.pid")" 2>/dev/null ||
            true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT TERM

# the server refuses to run as root
as_user=
if [ "$(id -u)" = 0 ]; then
    user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    chown "$user" "$folder"
    as_user="setpriv --reuid=$user --regid=$(id -g "$user") --clear-groups"
fi
chmod 755 "$folder"
cd "$folder"

$as_user "$bin/initdb" -D "$folder/data" -U godwit -A trust -E UTF8 \
    --locale=C.UTF-8 --no-sync >"$folder/initdb.log" 2>&1 || {
    cat "$folder/initdb.log" >&2
    exit 1
}
# shellcheck disable=SC2086  # options of the caller are words
$as_user "$bin/postgres" -D "$folder/data" -k "$folder" \
    -c listen_addresses= -c fsync="${PG_FSYNC:-off}" \
    -c max_wal_size=4GB ${PG_OPTIONS:-} >"$folder/server.log" 2>&1 &
server=$!
tries=0
until "$bin/psql" -h "$folder" -U godwit -d postgres -qtAXc \
    'CREATE DATABASE godwit_test' >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ "$tries" -gt 300 ] || ! kill -0 "$server" 2>/dev/null; then
        cat "$folder/server.log" >&2
        exit 1
    fi
    sleep 0.1
done

host=$(printf %s "$folder" | sed 's|/|%2F|g')
GODWIT_TEST_PG_URI="postgresql://godwit@$host/godwit_test"
GODWIT_TEST_PG_BIN=$bin
GODWIT_TEST_PG_LOG=$folder/server.log
GODWIT_TEST_PG_DATA=$folder/data
PATH=$bin:$PATH
export GODWIT_TEST_PG_URI GODWIT_TEST_PG_BIN GODWIT_TEST_PG_LOG
export GODWIT_TEST_PG_DATA PATH
cd "$OLDPWD"
"$@"
