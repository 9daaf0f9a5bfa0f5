# What is shown without running anything: inspect, plan, devices; as text and as JSON.
. "$SRC_DIR/tests/support/system.bash"

runs 0 "$OFFCUT" inspect "$lenet"
says '^  model +lenet5 \(tflite\)$' "$work/out"
says '^  input +image float32 1x28x28x1' "$work/out"
says '^  output +probability float32 1x10' "$work/out"
# conv1: 28*28 positions, 6 filters of 25 taps; 25*6 weights and 6 biases.
says '^ +0 .* conv2d .* 117,600 +156 ' "$work/out"
# At cut 0 the input would move, all of its 28*28 float32.
says '^ +0 +3,136 +image 1x28x28x1$' "$work/out"
runs 0 "$OFFCUT" inspect "$lenet" --json
is_json "$work/out"
says '"digest": "[0-9a-f]{64}"' "$work/out"
says '"op": "conv2d"' "$work/out"
digest=$(sed -n 's/.*"digest": "\(.*\)".*/\1/p' "$work/out")
nodes=$(sed -n 's/^    "nodes": \([0-9]*\).*/\1/p' "$work/out")

runs 0 "$OFFCUT" plan "$lenet" -o "$work/local.yaml"
says '^lenet5: all-local$' "$work/out"
runs 0 "$OFFCUT" plan "$lenet" --cut 3 -o "$work/cut.yaml"
says ' MOVE +edge -> cloud ' "$work/out"
says '^  edge +edge +3 ' "$work/out"
says "^  cloud +worker +$((nodes - 3)) " "$work/out"
says "$digest" "$work/cut.yaml"
runs 0 "$OFFCUT" plan "$lenet" --cut 3 --json
is_json "$work/out"
says '"kind": "MOVE"' "$work/out"
says "\"digest\": \"$digest\"" "$work/out"
# The last cut leaves nothing to forward.
runs 0 "$OFFCUT" plan "$lenet" --cut "$nodes"
says ': all-local$' "$work/out"

runs 0 "$OFFCUT" devices
says '^  id .* state +name ' "$work/out"
says '^  reference .* available ' "$work/out"
runs 0 "$OFFCUT" devices --json
is_json "$work/out"
says '"available": true' "$work/out"
