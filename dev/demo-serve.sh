#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dev/demo-serve.sh: serves a store of the demo, for its dashboard. The store
# that the demo left is at its target already; without one, or with FRESH=1,
# a new one is made, so that there is something to migrate.
#
# DEMO_POSITIONS=20000 makes it smaller, DEMO_LISTEN=127.0.0.1:0 finds a port.
set -eu
cd "$(dirname "$0")/.."
positions=${DEMO_POSITIONS:-200000}
listen=${DEMO_LISTEN:-127.0.0.1:5001}
PATH=$PWD/build/release:$PATH
GODWIT_STORE=build/demo/chat.db
GODWIT_MIGRATIONS=examples/migrations
export GODWIT_STORE GODWIT_MIGRATIONS

mkdir -p build/demo
if [ "${FRESH:-0}" = 1 ] || [ ! -e "$GODWIT_STORE" ]; then
    rm -rf "$GODWIT_STORE" "$GODWIT_STORE"-* "$GODWIT_STORE".*
    echo "making a store of $positions positions"
    godwit init >/dev/null
    godwit-sample --positions "$positions" | godwit load - --quiet
fi
cat <<END

  The dashboard:  http://$listen/
  Its secret:     $GODWIT_STORE-godwit-state/secret
  Ctrl-C ends the server.

END
exec godwit serve --listen "$listen"
