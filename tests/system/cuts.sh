# Cut invariance: every cut through a real worker process gives the bits of the local run. For LeNet, and for a
# residual and a concatenating network that the tests generate, and networks of int8 and uint8.
. "$SRC_DIR/tests/support/system.bash"

"$GENERATE_MODELS" "$work"
start_worker --model "$lenet" --model "$work/residual.onnx" --model "$work/concat.onnx"

every_cut() { # MODEL INPUT
    local cuts
    runs 0 "$OFFCUT" inspect "$1" --json
    cuts=$(($(sed -n 's/^    "nodes": \([0-9]*\).*/\1/p' "$work/out") + 1))
    runs 0 "$OFFCUT" run "$1" --input "$2" --cut every --worker "$worker"
    says "^$cuts of $cuts cuts are identical to the local run; $((cuts - 1)) of $((cuts - 1)) ran at the worker\$" \
        "$work/out"
    [[ $(grep -c ' yes$' "$work/out") -eq $cuts ]] || fail "not every cut ran at the worker: $1"
}
every_cut "$lenet" "$models/digits/3.png"
every_cut "$work/residual.onnx" "$work/residual_input.npy"
every_cut "$work/concat.onnx" "$work/concat_input.npy"

lenet_worker=$worker lenet_worker_pid=$worker_pid
for type in int8 uint8; do
    start_worker --model "$models/tflite/network_$type.tflite"
    every_cut "$models/tflite/network_$type.tflite" "$models/digits/3.png"
done
worker=$lenet_worker worker_pid=$lenet_worker_pid

# One cut, named by its value, and the same through a plan's file: the whole output, and where it ran.
runs 0 "$OFFCUT" run "$lenet" --input "$models/digits/3.png" --output "$work/local.npy"
runs 0 "$OFFCUT" run "$lenet" --input "$models/digits/3.png" --output "$work/cut.npy" --cut pool1 --worker "$worker"
says "^ran: edge 2 nodes, worker $worker [0-9]+ nodes\$" "$work/out"
cmp "$work/local.npy" "$work/cut.npy"
runs 0 "$OFFCUT" plan "$lenet" --cut pool1 -o "$work/plan.yaml"
runs 0 "$OFFCUT" run "$lenet" --input "$models/digits/3.png" --output "$work/cut.npy" --plan "$work/plan.yaml" \
    --worker "$worker"
says "^ran: edge 2 nodes, worker $worker [0-9]+ nodes\$" "$work/out"
cmp "$work/local.npy" "$work/cut.npy"

runs 0 "$OFFCUT" run "$lenet" --input "$models/digits/3.png" --cut every --worker "$worker" --json
is_json "$work/out"
says '"identical_to_local": true' "$work/out"
! grep -q '"identical_to_local": false' "$work/out" || fail "a cut differs"
says '^    "ran_at_worker": 9,$' "$work/out"
# The parts of the time add up to the total, to the nanosecond, for the local run and each cut.
awk '/"[a-z]+_ns":/ { if ($1 == "\"total_ns\":") { n++; if ($2 + 0 != sum) exit 1; sum = 0 } else sum += $2 }
     END { if (n != 11) exit 1 }' "$work/out" || fail "times do not add up"

# Nobody at the address: every cut is identical, none of them proves anything about a worker, and that is said.
kill -TERM "$worker_pid"
wait "$worker_pid" || fail "a worker that is told to stop ends with $?"
runs 0 "$OFFCUT" run "$lenet" --input "$models/digits/3.png" --cut every --worker "$worker"
says "^10 of 10 cuts are identical to the local run; 0 of 9 ran at the worker: .*$worker" "$work/out"
runs 0 "$OFFCUT" run "$lenet" --input "$models/digits/3.png" --cut every --worker "$worker" --json
is_json "$work/out"
says '^    "ran_at_worker": 0,$' "$work/out"
says '^        "reason": ".*'"$worker" "$work/out"
