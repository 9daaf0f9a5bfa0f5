#!/usr/bin/env bash
# Runs TensorFlow Lite models in LiteRT's reference kernels and in offcut, on the reference device and on PoCL,
# over random inputs and real pictures, and prints how far apart they are. Exit status 1: further than
# allowed (integers: not at all; floats: 1e-5 of the largest answer). 77: LiteRT cannot be had here.
#
#   scripts/compare-litert.sh [--inputs N] [MODEL.tflite...]
#
# --inputs  random ones per model (default 100)
# MODEL     default: the assets' models ($OFFCUT_ASSETS, else ../shared/assets) and tests/models/tflite/*
#
# LiteRT comes in the versions of tests/models/requirements.txt into build/litert; PYTHON names an
# interpreter that has it already. RUN_ROWS names the test program (default build/release/tests/bin/run_rows).
set -euo pipefail
cd "$(dirname "$0")/.."

assets=${OFFCUT_ASSETS:-../shared/assets}
run_rows=${RUN_ROWS:-build/release/tests/bin/run_rows}
inputs=100
models=()
while (($# > 0)); do
    case $1 in
        --inputs) inputs=$2 && shift ;;
        -*)
            sed -n '2,13s/^# \{0,1\}//p' "$0" >&2
            exit 2
            ;;
        *) models+=("$1") ;;
    esac
    shift
done
if ((${#models[@]} == 0)); then
    for model in "$assets"/tflite/*.tflite tests/models/lenet5.tflite tests/models/tflite/*.tflite; do
        if [[ -e $model ]]; then
            models+=("$model")
        fi
    done
fi

skip() {
    echo "SKIP: $*"
    exit 77
}

if [[ ! -x $run_rows ]]; then
    cmake --preset release >/dev/null
    cmake --build build/release --target run_rows >/dev/null
fi
if [[ -z ${PYTHON:-} ]]; then
    venv=build/litert
    mkdir -p build
    command -v python3 >/dev/null || skip "no python3"
    python3 -m venv "$venv" >/dev/null 2>&1 || skip "python3 has no venv"
    grep -E '^(numpy|pillow|ai-edge-litert)==' tests/models/requirements.txt >"$venv/requirements.txt"
    "$venv/bin/pip" -q --disable-pip-version-check install -r "$venv/requirements.txt" \
        >"$venv/pip.log" 2>&1 || skip "pip could not install LiteRT: $(tail -n 1 "$venv/pip.log")"
    PYTHON=$venv/bin/python
fi
exec "$PYTHON" tests/long/litert_check.py --run-rows "$run_rows" --data "$assets/data" \
    --inputs "$inputs" "${models[@]}"
