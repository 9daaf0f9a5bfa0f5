# Pictures whose answers are known, through quantised networks that others trained, with nothing but their names on
# the command line: the class and its score. The classes are those of ImageNet with a background before them.
. "$SRC_DIR/tests/support/system.bash"

if [[ ! -d $OFFCUT_ASSETS/tflite ]]; then
    echo "SKIP: $OFFCUT_ASSETS/tflite is absent"
    exit 77
fi

known() { # MODEL PICTURE CLASS LEAST-SCORE
    runs 0 "$OFFCUT" run "$OFFCUT_ASSETS/tflite/$1" --input "$OFFCUT_ASSETS/data/$2" --top 1
    awk -v class="$3" -v least="$4" '$1 == 1 && $2 == class && $3 >= least { found = 1 } END { exit !found }' \
        "$work/out" || {
        cat "$work/out" >&2
        fail "$1 on $2: expected class $3 with at least $4"
    }
}
known mobilenet_v1_0.25_128_quant.tflite cat.bmp 283 0.25
known mobilenet_v1_0.25_224_quant.tflite burger.jpg 934 0.96
known tf2_mobilenet_v2_1.0_224_ptq.tflite cat.bmp 286 0.60

# A filter by name is another picture; a filter that there is not is refused.
runs 0 "$OFFCUT" run "$lenet" --input "$models/digits/7.png" --output "$work/linear.npy"
runs 0 "$OFFCUT" run "$lenet" --input "$models/digits/7.png" --output "$work/named.npy" --resize linear
cmp "$work/linear.npy" "$work/named.npy"
runs 0 "$OFFCUT" run "$lenet" --input "$models/digits/7.png" --output "$work/filtered.npy" --resize filtered
! cmp -s "$work/linear.npy" "$work/filtered.npy" || fail "--resize filtered changes nothing"
runs 2 "$OFFCUT" run "$lenet" --input "$models/digits/7.png" --resize soft
says "resize: expected filtered, linear or nearest, found 'soft'" "$work/err"
