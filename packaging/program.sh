#!/bin/sh
# Runs @PROGRAM@ of this installation: by the Node that CSM_NODE names, else the one found when it was installed, else
# the one in PATH.
set -eu
here=$(dirname "$(readlink -f "$0")")
node=${CSM_NODE:-$here/node}
[ -n "${CSM_NODE:-}" ] || [ -x "$node" ] || node=node
exec "$node" "$here/../node_modules/@FILE@" "$@"
