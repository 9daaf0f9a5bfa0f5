# The same bits everywhere: the reference device, PoCL with one and with two threads, a build without optimisation and
# one for exactly this processor give identical outputs for LeNet, a residual and a concatenating network.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$GENERATE_MODELS" "$work"
cp "$SRC_DIR/tests/models/lenet5.tflite" "$work/lenet5.tflite"

# The second and third build: the command and the library only.
build() { # NAME FLAGS
    cmake -S "$SRC_DIR" -B "$work/$1" -G Ninja -DCMAKE_BUILD_TYPE= -DCMAKE_C_FLAGS="$2" -DBUILD_TESTING=OFF >"$work/$1.log" 2>&1 &&
        cmake --build "$work/$1" --parallel 2 >>"$work/$1.log" 2>&1 || { tail -n 20 "$work/$1.log"; exit 1; }
}
build plain "-O0"
build native "-O3 -march=native"

failed=0
check() { # WHAT COMMAND MODEL INPUT OPTIONS...
    local what=$1 command=$2 model=$3 input=$4
    shift 4
    "$command" run "$work/$model" --input "$input" --output "$work/found.npy" "$@" >/dev/null
    if cmp -s "$work/expected.npy" "$work/found.npy"; then
        echo "same bits: $model, $what"
    else
        echo "OTHER BITS: $model, $what"
        failed=1
    fi
}

for model in lenet5.tflite residual.onnx concat.onnx; do
    input="$work/${model%.*}_input.npy"
    [ "$model" != lenet5.tflite ] || input="$SRC_DIR/tests/models/digits/3.png"
    "$OFFCUT" run "$work/$model" --input "$input" --output "$work/expected.npy" --device reference >/dev/null
    check "PoCL, 1 thread" "$OFFCUT" "$model" "$input" --device pocl --threads 1
    check "PoCL, 2 threads" "$OFFCUT" "$model" "$input" --device pocl --threads 2
    for variant in plain native; do
        check "reference, $variant build" "$work/$variant/bin/offcut" "$model" "$input" --device reference
        check "PoCL, $variant build" "$work/$variant/bin/offcut" "$model" "$input" --device pocl
    done
done
exit $failed
