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

# Of a cut that many values cross 16 are listed: 20 Relu nodes in front of a Concat, as an ONNX file made here.
hex() { printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n' | sed 's/../\\x&/g'; }
field() { # TAG BODY: a protobuf field with a length; bodies are \x escapes
    local n=$((${#2} / 4))
    if ((n < 128)); then
        printf '\\x%02x\\x%02x%s' "$1" "$n" "$2"
    else
        printf '\\x%02x\\x%02x\\x%02x%s' "$1" $((n % 128 + 128)) $((n / 128)) "$2"
    fi
}
dims() { # SIZE...: the fields of a float32 tensor's type
    local shape='' size
    for size in "$@"; do shape+=$(field 0x0a "$(printf '\\x08\\x%02x' "$size")"); done
    field 0x12 "$(field 0x0a "\\x08\\x01$(field 0x12 "$shape")")"
}
wide() { # PREFIX OUTPUT: the values are called PREFIX10 to PREFIX29
    local nodes='' inputs='' i axis graph
    for i in {10..29}; do
        nodes+=$(field 0x0a "$(field 0x0a "$(hex x)")$(field 0x12 "$(hex "$1$i")")$(field 0x22 "$(hex Relu)")")
        inputs+=$(field 0x0a "$(hex "$1$i")")
    done
    axis=$(field 0x2a "$(field 0x0a "$(hex axis)")\\x18\\x01\\xa0\\x01\\x02")
    nodes+=$(field 0x0a "$inputs$(field 0x12 "$(hex y)")$(field 0x22 "$(hex Concat)")$axis")
    graph=$nodes$(field 0x12 "$(hex wide)")
    graph+=$(field 0x5a "$(field 0x0a "$(hex x)")$(dims 1 2 3 3)")$(field 0x62 "$(field 0x0a "$(hex y)")$(dims 1 40 3 3)")
    printf "\\x08\\x08$(field 0x3a "$graph")$(field 0x42 '\x10\x0d')" >"$2"
}
wide v "$work/wide.onnx"
runs 0 "$OFFCUT" inspect "$work/wide.onnx"
says '^ +20 +1,440 +v10 1x2x3x3, .*, v25 1x2x3x3 and 4 more$' "$work/out"
says '^ +16 +1,224 +x 1x2x3x3, v10 1x2x3x3, .*, v24 1x2x3x3 and 1 more$' "$work/out"
says '^ +15 +1,152 +x 1x2x3x3, .*, v24 1x2x3x3$' "$work/out"
runs 0 "$OFFCUT" inspect "$work/wide.onnx" --json
is_json "$work/out"
says '"values_total": 20,$' "$work/out"
runs 0 "$OFFCUT" plan "$work/wide.onnx" --cut 20
says ' MOVE .* 1,440 +v10, .*, v25 and 4 more$' "$work/out"

# Names that fill the list's text to its last byte: seven of 113 characters and their shapes.
wide "$(printf 'n%.0s' {1..111})" "$work/long.onnx"
runs 0 "$OFFCUT" inspect "$work/long.onnx"
says ' and [0-9]+ more$' "$work/out"
