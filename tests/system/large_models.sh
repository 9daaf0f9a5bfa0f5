# Public models through a real worker: AlexNet and VGG-19 at three cuts each, and two with trained weights at every
# cut (the weights of the first two are constants, so all their classes are alike). The bits are those of the local run.
. "$SRC_DIR/tests/support/system.bash"

light=$OFFCUT_ASSETS/onnx/light
if [[ ! -d $light ]]; then
    echo "SKIP: $light is absent"
    exit 77
fi

check() { # NAME CUT...
    local model=$light/light_$1.onnx cut
    shift
    start_worker --model "$model"
    runs 0 "$OFFCUT" run "$model" --input "$models/digits/3.png" --output "$work/local.npy"
    for cut in "$@"; do
        runs 0 "$OFFCUT" run "$model" --input "$models/digits/3.png" --output "$work/cut.npy" --cut "$cut" \
            --worker "$worker" --worker-timeout 60000
        says "^ran: edge $cut nodes?, worker $worker [0-9]+ nodes?\$" "$work/out"
        cmp "$work/local.npy" "$work/cut.npy" || fail "$model: cut $cut has other bits"
        echo "same bits: $(basename "$model") at cut $cut"
    done
}
check bvlc_alexnet 1 5 12
check vgg19 1 10 21

check_every() { # MODEL PICTURE
    start_worker --model "$1"
    runs 0 "$OFFCUT" run "$1" --input "$2" --cut every --worker "$worker" --worker-timeout 60000
    says '^([0-9]+) of \1 cuts are identical to the local run; ([0-9]+) of \2 ran at the worker$' "$work/out"
    grep -E 'cuts are identical' "$work/out"
}
check_every "$OFFCUT_ASSETS/tflite/mobilenet_v1_0.25_224_1_default_1.tflite" "$OFFCUT_ASSETS/data/burger.jpg"
check_every "$OFFCUT_ASSETS/tflite/pretrainedResnet.tflite" "$OFFCUT_ASSETS/data/cat.bmp"
