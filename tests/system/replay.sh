# SPDX-License-Identifier: Apache-2.0
# Decision logs: whatever policy wrote one, over whatever happened, it replays to the same decisions; by another policy it says
# what would have been; one that was changed, cut off or made up is found out.
. "$SRC_DIR/tests/support/system.bash"
picture=$models/digits/5.png
log=$work/log.jsonl
"$GENERATE_MODELS" "$work"
start_worker --model "$lenet" --model residual="$work/residual.onnx"

# writes ARGUMENTS...: runs the digits network with a log.
writes() {
    runs 0 "$OFFCUT" run "$lenet" --input "$picture" --log "$log" "$@"
}

# replays_same: every decision, of which there is one at least.
replays_same() {
    runs 0 "$OFFCUT" replay "$log"
    says '^[1-9][0-9,]* decisions of [1-9][0-9,]* runs, all the same$' "$work/out"
}

# Of every policy, with and without a worker, and of a network whose cuts are no prefixes.
writes --policy latency --repeat 5
replays_same
says '^lenet5 by latency$' "$work/out"
says '^actual total of 5 runs: ' "$work/out"
for policy in local remote latency fixed:4 deadline:60000 memory:64M latency,privacy:conv2 latency,memory:64M; do
    writes --policy "$policy" --worker "$worker" --repeat 3
    replays_same
    says "^lenet5 by $policy\$" "$work/out"
done
runs 0 "$OFFCUT" run "$work/residual.onnx" --input "$work/residual_input.npy" --policy latency --worker "$worker" \
    --repeat 8 --log "$log"
replays_same

# As JSON, with the same figures.
writes --policy fixed:4 --worker "$worker" --repeat 2
runs 0 "$OFFCUT" replay "$log" --json
is_json "$work/out"
says '"policy": "fixed:4"' "$work/out"
says '"n_runs": 2' "$work/out"
says "\"was\": \"forward .*to $worker\"" "$work/out"
! grep -q '"same": false' "$work/out" || fail "a decision that is not the same"

# What if: the situations stay, the choices do not. That is an answer, not a failure.
runs 0 "$OFFCUT" replay "$log" --policy local
says "^ +1 +0 .*forward after cut 4 .* stay +.* no " "$work/out"
says ' different$' "$work/out"
refuses 1 'nonsense' "$OFFCUT" replay "$log" --policy nonsense
refuses 1 'local and remote' "$OFFCUT" replay "$log" --policy local,remote
refuses 1 'no_such_node' "$OFFCUT" replay "$log" --policy privacy:no_such_node

# A prediction that is another one is another decision.
sed '0,/"decision"/s/"predicted_ns":/&1/' "$log" >"$work/changed.jsonl"
runs 1 "$OFFCUT" replay "$work/changed.jsonl"
says "changed.jsonl: 1 of [0-9]+ decisions replay differently, the first in run 1 at cut 0 " "$work/err"
says '1 different$' "$work/out"

# Cut off in the middle of a line: what stands before it counts. Text behind it does not.
size=$(wc -c <"$log")
head -c $((size - 20)) "$log" >"$work/short.jsonl"
runs 0 "$OFFCUT" replay "$work/short.jsonl"
says ' all the same$' "$work/out"
says '^actual total of 1 runs: ' "$work/out"
echo '{"situation":7}' >>"$work/short.jsonl"
refuses 1 'short.jsonl:[0-9]+: ' "$OFFCUT" replay "$work/short.jsonl"
: >"$work/empty.jsonl"
runs 0 "$OFFCUT" replay "$work/empty.jsonl"
says '^no decisions$' "$work/out"
refuses 1 'lenet5.tflite:1: ' "$OFFCUT" replay "$lenet"
refuses 1 'nothing_there' "$OFFCUT" replay "$work/nothing_there"
refuses 2 'LOG' "$OFFCUT" replay

# The disk is full: the answer comes all the same.
if [[ -w /dev/full ]]; then
    runs 0 "$OFFCUT" run "$lenet" --input "$picture" --policy latency --repeat 3 --log /dev/full --verbose
    says '/dev/full' "$work/err"
    [[ $(grep -c '/dev/full' "$work/err") -eq 1 ]] || fail "a full disk was said more than once"
fi
refuses 1 'no/such' "$OFFCUT" run "$lenet" --input "$picture" --policy latency --log "$work/no/such/log"

# has_lines COUNT PATTERN: waits until the log has so many lines like that.
has_lines() {
    for ((i = 0; i < 400; i++)); do
        [[ ! -e $log || $(grep -c "$2" "$log") -lt $1 ]] || return 0
        sleep 0.05
    done
    fail "the log does not grow: $2"
}

# The edge is killed while it runs: the log is whole up to some line.
rm "$log"
"$OFFCUT" run "$lenet" --input "$picture" --policy latency --worker "$worker" --repeat 1000000 --log "$log" \
    >/dev/null 2>&1 &
edge=$!
workers+=("$edge")
has_lines 10 '"actual"'
kill -KILL "$edge"
wait "$edge" || true
replays_same

# The worker dies in the middle: decisions about failures replay too.
rm "$log"
"$OFFCUT" run "$lenet" --input "$picture" --policy remote --worker "$worker" --repeat 400 --log "$log" >/dev/null 2>&1 &
edge=$!
workers+=("$edge")
has_lines 5 '"actual"'
kill -KILL "$worker_pid"
wait "$edge" || fail "the run failed when its worker died"
replays_same
grep -q '"fell_back":true' "$log" || fail "nothing fell back"
