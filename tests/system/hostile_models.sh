# SPDX-License-Identifier: Apache-2.0
# Our own models cut short and with bytes changed: refused with a reason, or networks that run.
. "$SRC_DIR/tests/support/system.bash"
"$GENERATE_MODELS" "$work"
seed=20261121
mutate() {
    "$MUTATE_MODEL" "$1" "$2" "${3:--}" 200 500 $seed >"$work/tried" || {
        tail -1 "$work/tried" >&2
        fail "$2: the mutation above, of seed $seed"
    }
}
mutate tflite "$lenet"
mutate onnx "$work/residual.onnx"
mutate onnx "$work/concat.onnx"
