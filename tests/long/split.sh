# SPDX-License-Identifier: Apache-2.0
# ONNX Runtime judges what we write: every operator's case, and both halves of cuts of many networks. It is fetched
# into a virtual environment under the build folder, in the versions of tests/models/requirements.txt; without Python
# or a package index the test is skipped. PYTHON names an interpreter that has the packages already.
. "$SRC_DIR/tests/support/system.bash"

skip() {
    echo "SKIP: $*"
    exit 77
}

if [[ -z ${PYTHON:-} ]]; then
    command -v python3 >/dev/null || skip "no python3"
    grep -E '^(numpy|onnx|onnxruntime)==' "$SRC_DIR/tests/models/requirements.txt" >"$work/requirements.txt"
    python3 -m venv venv >/dev/null 2>&1 || skip "python3 has no venv"
    venv/bin/pip -q --disable-pip-version-check install -r "$work/requirements.txt" >"$work/pip" 2>&1 ||
        skip "pip could not install ONNX Runtime: $(tail -n 1 "$work/pip")"
    PYTHON=venv/bin/python
fi

mkdir "$work/cases"
"$EXPORT_CASES" "$work/cases" >"$work/cases/names.txt"
"$PYTHON" "$SRC_DIR/tests/long/cases_check.py" "$work/cases" 2>"$work/err" || {
    tail "$work/err" >&2
    fail "ONNX Runtime does not agree with our ONNX forms"
}

check() { # CUTS MODEL...
    local cuts=$1 model
    shift
    for model in "$@"; do
        [[ ! -e $model ]] || "$PYTHON" "$SRC_DIR/tests/long/split_check.py" "$OFFCUT" "$model" --cuts "$cuts"
    done
}
"$GENERATE_MODELS" "$work"
check 99 "$lenet" "$work/residual.onnx" "$work/concat.onnx"
check 99 "$OFFCUT_ASSETS"/onnx/{mnist_8,super_resolution_10,mnist_quantized}/model*.onnx
check 10 "$OFFCUT_ASSETS"/tflite/*.tflite
check 3 "$SRC_DIR"/tests/models/tflite/*.tflite
check 99 "$SRC_DIR"/tests/models/tflite/network_*.tflite
check 3 "$OFFCUT_ASSETS"/onnx/light/*.onnx
