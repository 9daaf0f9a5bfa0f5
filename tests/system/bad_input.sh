# Bad input: one line on stderr that names the file, what was expected and what was found; exit status 1; no output
# file, not even a part of one.
. "$SRC_DIR/tests/support/system.bash"
picture=$models/digits/7.png

# run_refuses PATTERN MODEL INPUT OPTIONS...
run_refuses() {
    local pattern=$1 model=$2 input=$3
    shift 3
    refuses 1 "^offcut run: .*$pattern" "$OFFCUT" run "$model" --input "$input" --output "$work/out.npy" "$@"
    [[ -z $(find "$work" -name 'out.npy*') ]] || fail "an output file in spite of failing"
}

# Models.
run_refuses 'absent\.tflite' "$work/absent.tflite" "$picture"
run_refuses "$work" "$work" "$picture"
run_refuses 'seven\.onnx' "$(cp "$picture" "$work/seven.onnx" && echo "$work/seven.onnx")" "$picture"
size=$(stat -c %s "$lenet")
for bytes in 0 3 20 1000 $((size / 2)) $((size - 1)); do
    head -c "$bytes" "$lenet" >"$work/short.tflite"
    run_refuses 'short\.tflite' "$work/short.tflite" "$picture"
done
run_refuses 'numerics class.*found "winograd3"' "$lenet" "$picture" --numerics winograd3
# Graphs in attributes of nodes of graphs, 400 deep: each message around the last, as \x escapes.
deep='' length=0
around() { # TAG: one more message around what there is
    local head
    if ((length < 128)); then
        printf -v head '\\x%02x\\x%02x' "$1" "$length"
    else
        printf -v head '\\x%02x\\x%02x\\x%02x' "$1" $((length % 128 + 128)) $((length / 128))
    fi
    deep=$head$deep
    length=$((length + ${#head} / 4))
}
for ((i = 0; i < 400; i++)); do
    around 0x32 # a graph in an attribute
    around 0x2a # in a node
    around 0x0a # in a graph
done
around 0x3a # in a model
printf "\x08\x07$deep" >"$work/deep.onnx"
run_refuses 'deep\.onnx' "$work/deep.onnx" "$picture"

# Inputs.
run_refuses 'absent\.png' "$lenet" "$work/absent.png"
run_refuses 'lenet5\.tflite' "$lenet" "$lenet"
head -c 60 "$picture" >"$work/short.png"
run_refuses 'short\.png' "$lenet" "$work/short.png"
run_refuses 'lenet5_golden_in\.npy: expected float32 1x28x28x1 for input image, found float32 10x28x28x1' \
    "$lenet" "$models/lenet5_golden_in.npy"
npy() { # DESCR SHAPE BYTES FILE
    local head="{'descr': '$1', 'fortran_order': False, 'shape': $2, }"
    { printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "$head"; head -c "$3" /dev/zero; } >"$4"
}
npy '<f4' '(28, 28, 1)' 3136 "$work/right.npy"
runs 0 "$OFFCUT" run "$lenet" --input "$work/right.npy"
npy '<i4' '(1, 28, 28, 1)' 3136 "$work/wrong.npy"
run_refuses 'wrong\.npy: expected float32 1x28x28x1 for input image, found int32' "$lenet" "$work/wrong.npy"
npy '<f4' '(1, 28, 28, 1)' 3000 "$work/wrong.npy"
run_refuses 'wrong\.npy' "$lenet" "$work/wrong.npy"
cp "$picture" "$work/picture.npy"
run_refuses 'picture\.npy' "$lenet" "$work/picture.npy"

# Labels.
run_refuses 'absent\.labels' "$lenet" "$picture" --labels "$work/absent.labels"
printf 'a\nb\n' >"$work/two.labels"
run_refuses 'two\.labels: expected 10 labels for output probability, found 2' "$lenet" "$picture" \
    --labels "$work/two.labels"
run_refuses 'lenet5\.tflite: expected text' "$lenet" "$picture" --labels "$lenet"

mkfifo "$work/pipe.labels" # nobody writes into it
run_refuses 'pipe\.labels: expected labels in a regular file, found something else' "$lenet" "$picture" \
    --labels "$work/pipe.labels"
run_refuses 'expected labels in a regular file, found a folder' "$lenet" "$picture" --labels "$work"

# Cuts and plans.
run_refuses 'lenet5\.tflite: .*99' "$lenet" "$picture" --cut 99 --worker 127.0.0.1:1
run_refuses 'lenet5\.tflite: .*nonsense' "$lenet" "$picture" --cut nonsense --worker 127.0.0.1:1
run_refuses 'absent\.yaml' "$lenet" "$picture" --plan "$work/absent.yaml"
echo 'steps: [' >"$work/wrong.yaml"
run_refuses 'wrong\.yaml' "$lenet" "$picture" --plan "$work/wrong.yaml"
"$GENERATE_MODELS" "$work"
"$OFFCUT" plan "$work/residual.onnx" -o "$work/other.yaml" >"$work/out"
run_refuses 'other\.yaml' "$lenet" "$picture" --plan "$work/other.yaml"
refuses 1 '^offcut plan: .*lenet5\.tflite: .*99' "$OFFCUT" plan "$lenet" --cut 99 -o "$work/plan.yaml"
[[ ! -e $work/plan.yaml ]] || fail "a plan in spite of failing"

# Devices, kernels, workers, places to write to.
run_refuses 'nonsense' "$lenet" "$picture" --device nonsense
run_refuses 'absent' "$lenet" "$picture" --kernels "$work/absent"
run_refuses 'lenet5\.tflite: .*nonsense' "$lenet" "$picture" --cut 1 --worker nonsense
refuses 1 "$work/absent" "$OFFCUT" run "$lenet" --input "$picture" --output "$work/absent/out.npy"
refuses 1 "$work/absent" "$OFFCUT" plan "$lenet" -o "$work/absent/plan.yaml"
refuses 1 'absent' "$OFFCUT" demo --pictures "$work/absent" --model "$lenet" --labels "$models/digits.labels"
