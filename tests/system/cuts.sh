# Cut invariance: every cut through a real worker process gives the bits of the local run. For LeNet, and for a
# residual and a concatenating network that the tests generate.
. "$SRC_DIR/tests/support/system.bash"

"$GENERATE_MODELS" "$work"
start_worker --model "$lenet" --model "$work/residual.onnx" --model "$work/concat.onnx"

every_cut() { # MODEL INPUT
    local cuts
    runs 0 "$OFFCUT" inspect "$1" --json
    cuts=$(($(sed -n 's/^    "nodes": \([0-9]*\).*/\1/p' "$work/out") + 1))
    runs 0 "$OFFCUT" run "$1" --input "$2" --cut every --worker "$worker"
    says "^$cuts of $cuts cuts are identical" "$work/out"
    [[ $(grep -c ' yes$' "$work/out") -eq $cuts ]] || fail "not every cut ran at the worker: $1"
}
every_cut "$lenet" "$models/digits/3.png"
every_cut "$work/residual.onnx" "$work/residual_input.npy"
every_cut "$work/concat.onnx" "$work/concat_input.npy"

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
