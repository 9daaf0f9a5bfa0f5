# SPDX-License-Identifier: Apache-2.0
# bench/models.py writes networks that we read, and numpy's answer is ours; all networks of `make bench` are known to it.
# PYTHON names an interpreter with numpy, onnx and ai-edge-litert (default: that of make bench, else python3).
. "$SRC_DIR/tests/support/system.bash"

skip() {
    echo "SKIP: $*"
    exit 77
}

PYTHON=${PYTHON:-$SRC_DIR/build/bench/venv/bin/python}
command -v "$PYTHON" >/dev/null || PYTHON=python3
command -v "$PYTHON" >/dev/null || skip "no python3"
"$PYTHON" -c 'import numpy, onnx, ai_edge_litert, flatbuffers' 2>/dev/null ||
    skip "$PYTHON lacks the modules of bench/requirements.txt (make bench installs them)"
export PYTHONDONTWRITEBYTECODE=1 # the checkout may be read-only

"$PYTHON" "$SRC_DIR/bench/models.py" --list >"$work/list"
for name in vgg16 yolov2 mobilenetv2_int8; do
    says "^$name " "$work/list"
done
runs 2 "$PYTHON" "$SRC_DIR/bench/models.py" lenet -o "$work/lenet.txt"

# The same network in both formats and in numpy: 1e-5 of the largest score apart at most.
"$PYTHON" "$SRC_DIR/bench/models.py" lenet -o "$work/lenet.onnx" -o "$work/lenet.tflite" -o "$work/lenet.param" --sample
[[ -s $work/lenet.bin ]] || fail "no weights for ncnn"
for suffix in onnx tflite; do
    "$OFFCUT" run "$work/lenet.$suffix" --input "$work/lenet.$suffix.in.npy" --output "$work/answer.npy" >/dev/null
    "$PYTHON" - "$work/answer.npy" "$work/lenet.$suffix.out.npy" <<'PY' || fail "lenet.$suffix: another answer than numpy's"
import sys
import numpy as np
ours, numpys = map(np.load, sys.argv[1:])
apart = abs(ours - numpys).max() / abs(numpys).max()
print(f"{apart:.1e} of the largest score apart")
sys.exit(not (ours.shape == numpys.shape and apart < 1e-5 and numpys.std() > 0.1))
PY
done

# Twice the same bytes; and the integers run.
for i in 1 2; do
    "$PYTHON" "$SRC_DIR/bench/models.py" resnet8_int8 -o "$work/$i.tflite" -o "$work/$i.onnx" --sample
    "$OFFCUT" run "$work/$i.tflite" --input "$work/$i.tflite.in.npy" --output "$work/scores$i.npy" >/dev/null
done
cmp "$work/1.tflite" "$work/2.tflite"
cmp "$work/1.onnx" "$work/2.onnx"
cmp "$work/scores1.npy" "$work/scores2.npy"
