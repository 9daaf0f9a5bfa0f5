# Public models through a real worker: AlexNet, VGG-19 and quantised networks at three cuts each, and two with trained
# weights at every cut (the weights of the first two are constants, so all their classes are alike). The bits are those of the local run.
. "$SRC_DIR/tests/support/system.bash"

light=$OFFCUT_ASSETS/onnx/light
if [[ ! -d $light ]]; then
    echo "SKIP: $light is absent"
    exit 77
fi

check() { # MODEL PICTURE CUT...
    local model=$1 picture=$2 cut
    shift 2
    start_worker --model "$model"
    runs 0 "$OFFCUT" run "$model" --input "$picture" --output "$work/local.npy"
    for cut in "$@"; do
        runs 0 "$OFFCUT" run "$model" --input "$picture" --output "$work/cut.npy" --cut "$cut" \
            --worker "$worker" --worker-timeout 60000
        says "^ran: edge $cut nodes?, worker $worker [0-9]+ nodes?\$" "$work/out"
        cmp "$work/local.npy" "$work/cut.npy" || fail "$model: cut $cut has other bits"
        echo "same bits: $(basename "$model") at cut $cut"
    done
}
check "$light/light_bvlc_alexnet.onnx" "$models/digits/3.png" 1 5 12
check "$light/light_vgg19.onnx" "$models/digits/3.png" 1 10 21
lite=$OFFCUT_ASSETS/tflite
cat=$OFFCUT_ASSETS/data/cat.bmp
check "$lite/mobilenet_v1_0.25_128_quant.tflite" "$cat" 1 16 30
check "$lite/mobilenet_v1_0.25_224_quant.tflite" "$cat" 2 17 29
check "$lite/tf2_mobilenet_v2_1.0_224_ptq.tflite" "$cat" 3 24 60
check "$lite/pretrainedResnet_quant.tflite" "$cat" 1 8 15
check "$lite/pretrainedResnet_large_int8.tflite" "$cat" 2 9 14
check "$lite/vww_96_int8.tflite" "$cat" 4 16 29

check_every() { # MODEL PICTURE
    start_worker --model "$1"
    runs 0 "$OFFCUT" run "$1" --input "$2" --cut every --worker "$worker" --worker-timeout 60000
    says '^([0-9]+) of \1 cuts are identical to the local run; ([0-9]+) of \2 ran at the worker$' "$work/out"
    grep -E 'cuts are identical' "$work/out"
}
check_every "$OFFCUT_ASSETS/tflite/mobilenet_v1_0.25_224_1_default_1.tflite" "$OFFCUT_ASSETS/data/burger.jpg"
check_every "$OFFCUT_ASSETS/tflite/pretrainedResnet.tflite" "$OFFCUT_ASSETS/data/cat.bmp"
