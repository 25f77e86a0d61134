#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dev/demo.sh: a million events of a chat application are migrated while the
# application keeps writing. Leaves the store in build/demo.
#
# DEMO_POSITIONS=20000 makes it smaller.
set -eu
cd "$(dirname "$0")/.."
positions=${DEMO_POSITIONS:-200000}
PATH=$PWD/build/release:$PATH
GODWIT_STORE=build/demo/chat.db
GODWIT_MIGRATIONS=examples/migrations
export GODWIT_STORE GODWIT_MIGRATIONS
store=$GODWIT_STORE

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$(printf '\033[1m') dim=$(printf '\033[2m') plain=$(printf '\033[0m')
else
    bold='' dim='' plain=''
fi
title() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
shown() { printf '%s  $ %s%s\n' "$dim" "$*" "$plain"; "$@"; }
query() { sqlite3 -cmd '.timeout 5000' "$store" "$1"; }
now_ms() { date +%s%3N; }
grouped() {
    printf '%s' "$1" | sed -E ':a; s/([0-9])([0-9]{3})($|,)/\1,\2\3/; ta'
}
narrow() { LC_ALL=C.UTF-8 sed -E 's/^(.{68}).{12,}(.{40})$/\1 … \2/'; }
# of a preview, the events that a migration takes out and puts in
changes() {
    awk '/^position/ { position = $0; next }
         /^  [0-9]/ { file = $0; next }
         /^    [-+]/ {
             if (position) print position
             if (file) print file
             position = file = ""
             print
         }'
}

# ---- the application: a second process that appends what its users do

writer=
start_application() {
    mkfifo build/demo/feed
    godwit load - --quiet <build/demo/feed >build/demo/load.txt &
    writer=$!
    godwit-sample --positions $((positions * 10)) --skip "$positions" \
        --rate 200 >build/demo/feed 2>/dev/null &
    users=$!
}

# Its users go home; it writes what it still has, and ends.
stop_application() {
    [ -n "$writer" ] || return 0
    kill "$users" 2>/dev/null || true
    wait "$users" 2>/dev/null || true
    wait "$writer"
    writer=
}

clean_up() {
    stop_application || true
    rm -f build/demo/feed build/demo/load.txt
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# ---- the show

mkdir -p build/demo
rm -rf "$store" "$store"-* "$store".* build/demo/feed

title "A store of $(grouped "$positions") positions: users, groups, topics, messages, polls"
shown godwit init
begin=$(now_ms)
printf '%s  $ godwit-sample --positions %s | godwit load -%s\n' \
    "$dim" "$positions" "$plain"
godwit-sample --positions "$positions" | godwit load - --quiet
events=$(query 'SELECT count(*) FROM events')
models=$(query 'SELECT count(*) FROM models')
printf '%s events, %s models, made in %s ms\n' "$(grouped "$events")" \
    "$(grouped "$models")" "$(grouped $(($(now_ms) - begin)))"

title "Five migrations: rules, Lua, Lua with both keyframes, rules, models"
shown godwit check

title "What they will do: some events before and after"
printf '%s  $ godwit preview --limit 3%s\n' "$dim" "$plain"
godwit preview --limit 3 | changes | narrow

title "migrate, while the application keeps writing"
start_application
begin=$(now_ms)
shown godwit migrate
took=$(($(now_ms) - begin))
migrated=$(query 'SELECT events FROM godwit_run')
printf '%s%s events in %s ms: %s events/s%s\n' "$bold" \
    "$(grouped "$migrated")" "$(grouped $took)" \
    "$(grouped $((migrated * 1000 / took)))" "$plain"
printf 'the application wrote %s positions meanwhile\n' \
    "$(grouped $(($(query 'SELECT max(position) FROM positions') - positions)))"

title "migrate again: only what is new"
begin=$(now_ms)
shown godwit migrate
printf 'caught up in %s ms\n' "$(grouped $(($(now_ms) - begin)))"

title "finalize: the migrated history becomes the live one"
stop_application
shown godwit finalize

title "verify: all models, derived again from the migrated events"
shown godwit verify
shown godwit stats

title "A user, a topic, a message that was edited, a channel, as they are now"
query "
SELECT fqid || '  username ' || json_quote(data ->> 'username')
       || ', lang ' || (data ->> 'lang') || ', active ' || (data -> 'is_active')
FROM models WHERE fqid = 'user/1';
SELECT fqid || '  number ' || (data ->> 'sequential_number')
       || ' of meeting ' || (data ->> 'meeting_id')
       || ', in channel ' || (data ->> 'channel_id')
FROM models WHERE fqid = 'topic/2';
SELECT fqid || '  edited ' || (data ->> 'edit_count') || ' times: '
       || (data -> 'content') || char(10) || '    before that: '
       || (data -> 'previous_content')
FROM models WHERE fqid LIKE 'message/%' AND data ->> 'edit_count' > 1 LIMIT 1;
SELECT fqid || '  ' || (data ->> 'member_count') || ' members'
FROM models WHERE fqid = 'channel/1'" | narrow

title "All of it is in $store"
cat <<END
  sqlite3 $store .tables
  build/release/godwit rollback --store $store   the old history again
  make demo-serve                                 the dashboard on it,
                                                  http://127.0.0.1:5001/
  FRESH=1 make demo-serve                         on one that is not migrated
END
