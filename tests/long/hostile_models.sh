# SPDX-License-Identifier: Apache-2.0
# Every model of the assets cut short at 1,000 places and with 10,000 single bytes changed: refused
# with a reason, or networks that run. Meant for a build with sanitizers; a good hour on two cores.
. "$SRC_DIR/tests/support/system.bash"
if [[ ! -d $OFFCUT_ASSETS ]]; then
    echo "SKIP: no folder $OFFCUT_ASSETS"
    exit 77
fi
seed=20261121
mutate() {
    echo "$2"
    "$MUTATE_MODEL" "$1" "$2" "${3:--}" 1000 10000 $seed >"$work/tried" || {
        tail -1 "$work/tried" >&2
        fail "$2: the mutation above, of seed $seed"
    }
}
for model in "$OFFCUT_ASSETS"/tflite/*.tflite; do
    mutate tflite "$model"
done
for model in "$OFFCUT_ASSETS"/onnx/light/*.onnx "$OFFCUT_ASSETS"/onnx/{mnist_8,mnist_quantized,super_resolution_10}/*.onnx; do
    mutate onnx "$model"
done
for weights in "$OFFCUT_ASSETS"/darknet/*.weights; do
    mutate darknet "${weights%.weights}.cfg" "$weights"
done
