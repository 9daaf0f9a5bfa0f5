# The demo: all of it holds, and nothing of it is left behind.
. "$SRC_DIR/tests/support/system.bash"

cd "$SRC_DIR"
runs 0 "$OFFCUT" demo
says '^All of it held' "$work/out"
[[ $(grep -cE '^  [0-9](_b)?\.png +[0-9] ' "$work/out") -eq 20 ]] || fail "expected 20 pictures"
[[ $(grep -c ' yes$' "$work/out") -ge 10 ]] || fail "expected each cut to be identical"
says '^  fallback: .*; the tail ran here$' "$work/out"
says '^  identical to local: yes$' "$work/out"
pid=$(sed -n 's/.*at a worker: process \([0-9]*\),.*/\1/p' "$work/out")
[[ -n $pid ]] || fail "the demo names no worker"
! kill -0 "$pid" 2>/dev/null || fail "the demo's worker $pid is still there"
