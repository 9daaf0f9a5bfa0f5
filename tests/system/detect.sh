# SPDX-License-Identifier: Apache-2.0
# Detectors and segmenters as people use them: a table, JSON, drawn pictures; options of Darknet's two files.
. "$SRC_DIR/tests/support/system.bash"

# A network of one 1x1 convolution in front of a head; the weights' header is that of version 0.2.
net() { # CHANNELS HEAD...
    printf '[net]\nchannels=3\nheight=8\nwidth=16\n[convolutional]\nfilters=%s\nactivation=linear\n%s\n' "$1" "$2"
}
numbers() { # FLOATS, as little-endian hexadecimal words
    printf '\0\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
    local word
    for word in "$@"; do
        # shellcheck disable=SC2059
        printf "\\x${word:6:2}\\x${word:4:2}\\x${word:2:2}\\x${word:0:2}"
    done
}
zeros() { local i; for ((i = 0; i < $1; i++)); do echo 00000000; done; }
digit=$models/digits/7.png

# Biases x y 0, w h 0, objectness 10, class 10; all weights 0: every cell has a box of the anchor's size.
net 6 $'[yolo]\nclasses=1\nanchors=2,2' >"$work/boxes.cfg"
# shellcheck disable=SC2046
numbers $(zeros 4) 41200000 41200000 $(zeros 18) >"$work/boxes.bin"
runs 1 "$OFFCUT" inspect "$work/boxes.cfg"
says "expected the network's weights beside it, or named by --weights" "$work/err"
runs 0 "$OFFCUT" inspect "$work/boxes.cfg" --weights "$work/boxes.bin"
says '^  output +1_yolo float32 1x6x8x16$' "$work/out"
runs 0 "$OFFCUT" inspect "$work/boxes.cfg" --weights "$work/boxes.bin" --shape data=1x3x4x4
says '^  output +1_yolo float32 1x6x4x4$' "$work/out"
runs 0 "$OFFCUT" plan "$work/boxes.cfg" --weights "$work/boxes.bin" --batch 2
refuses 1 'shape of "data": expected one, found a second' \
    "$OFFCUT" inspect "$work/boxes.cfg" --weights "$work/boxes.bin" --shape data=1x3x4x4 --shape data=1x3x8x8
# What would mean nothing is refused, whatever the format.
refuses 1 'format tflite has no such file' "$OFFCUT" inspect "$lenet" --weights "$work/boxes.bin"
refuses 1 'constant "image": no input of a model of the format tflite' \
    "$OFFCUT" inspect "$lenet" --const image="$models/lenet5_golden_in.npy"
refuses 1 'a shape is given for "nobody", which is no input' "$OFFCUT" inspect "$lenet" --shape nobody=1x2
runs 2 "$OFFCUT" inspect "$work/boxes.cfg" --shape data=1x3xx4
says 'shape: expected NAME=1x3x224x224' "$work/err"
runs 1 "$OFFCUT" inspect "$work/boxes.cfg" --weights "$work/boxes.bin" --max-model-bytes 100
says 'expected at most 100 bytes' "$work/err"
cp "$work/boxes.bin" "$work/boxes.weights"
# The picture is as high as wide: it fills 8 of the 16 columns. Boxes touch, none overlaps another.
runs 0 "$OFFCUT" run "$work/boxes.cfg" --input "$digit" --draw "$work/boxes.png"
says '^detections: 128$' "$work/out"
runs 0 "$OFFCUT" run "$work/boxes.cfg" --input "$digit" --nms 0.1
says '^detections: 32$' "$work/out"
runs 0 "$OFFCUT" run "$work/boxes.cfg" --input "$digit" --fit stretch --threshold 0.99995 --json
is_json "$work/out"
says '"detections": \[\]' "$work/out"
says '"detections_left_out": 0' "$work/out"
# 64 x 72 boxes are more than are compared with each other, which is said.
wide=(run "$work/boxes.cfg" --shape data=1x3x64x72 --input "$digit" --device reference)
runs 0 "$OFFCUT" "${wide[@]}"
says '^detections: 4096 \(of the best 4096 boxes; 512 weaker ones above the threshold were left out\)$' "$work/out"
runs 0 "$OFFCUT" "${wide[@]}" --json
is_json "$work/out"
says '"detections_left_out": 512' "$work/out"
runs 0 "$OFFCUT" inspect "$work/boxes.cfg" --json
is_json "$work/out"
runs 2 "$OFFCUT" run "$work/boxes.cfg" --input "$digit" --mask "$work/mask.png" --fit wide
says 'fit: expected stretch or letterbox' "$work/err"
runs 1 "$OFFCUT" run "$work/boxes.cfg" --input "$digit" --labels "$models/digits.labels"
says 'expected 1 labels for output 1_yolo, found 10' "$work/err"

# Two classes by pixel; the bias of the second is larger.
net 2 '' >"$work/map.cfg"
# shellcheck disable=SC2046
numbers 00000000 3f800000 $(zeros 6) >"$work/map.weights"
runs 0 "$OFFCUT" run "$work/map.cfg" --input "$digit" --mask "$work/mask.png"
says '^ +1 +#[0-9a-f]{6} +100\.00%$' "$work/out"
[[ $(head -c 4 "$work/mask.png" | tail -c 3) == PNG ]] || fail 'expected a PNG file'
runs 2 "$OFFCUT" run "$work/map.cfg" --input "$digit" --draw "$work/none.png"
says 'expected a detector' "$work/err"
# Without a picture there is nothing to draw on, which shows before a device is looked for.
{ printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 8, 16), }"
    head -c 1536 /dev/zero; } >"$work/tensor.npy"
runs 2 "$OFFCUT" run "$work/boxes.cfg" --input "$work/tensor.npy" --draw "$work/none.png" --device no-such-device
says 'draw: expected a picture as input, found a tensor' "$work/err"
# Three columns or three channels: which, neither the picture nor the mask is told.
sed 's/width=16/width=3/' "$work/map.cfg" >"$work/narrow.cfg"
cp "$work/map.weights" "$work/narrow.weights"
refuses 1 'expected a .npy file, since input data is 1x3x8x3, whose channels may come first or last' \
    "$OFFCUT" run "$work/narrow.cfg" --input "$digit"
{ printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 8, 3), }"
    head -c 288 /dev/zero; } >"$work/narrow.npy"
runs 0 "$OFFCUT" run "$work/narrow.cfg" --input "$work/narrow.npy"
runs 2 "$OFFCUT" run "$work/narrow.cfg" --input "$work/narrow.npy" --mask "$work/none.png"
says 'mask: expected an input of pictures, which tells whether classes come first or last' "$work/err"
# Its own picture is a picture again.
runs 0 "$OFFCUT" run "$work/boxes.cfg" --input "$work/boxes.png"

# The weights stay as the network does, however few they are.
cp "$work/boxes.bin" "$work/before.bin"
for own in "$work/boxes.cfg" "$work/boxes.bin"; do
    own=(--weights "$work/boxes.bin" --input "$digit" --device no-such-device --draw "$own")
    refuses 1 '^offcut run: --draw: expected another file than the model.s own' "$OFFCUT" run "$work/boxes.cfg" "${own[@]}"
done
refuses 1 '^offcut run: --mask: expected another file than the model.s own' \
    "$OFFCUT" run "$work/map.cfg" --input "$digit" --device no-such-device --mask "$work/map.weights"
cmp "$work/before.bin" "$work/boxes.bin"

# A real one, where the assets are; on the reference device, which compiles no kernels.
darknet=${OFFCUT_ASSETS:-}/darknet
if [[ -r $darknet/yolo-fastest-1.1.cfg ]]; then
    runs 0 "$OFFCUT" run "$darknet/yolo-fastest-1.1.cfg" --weights "$darknet/yolo-fastest-1.1.weights" \
        --input "$OFFCUT_ASSETS/data/dog.jpg" --labels "$OFFCUT_ASSETS/data/coco.names" --draw "$work/dog.png" --device reference
    # The dog sits left of the middle, the bicycle is behind it, the car stands at the upper right.
    says '^ +16 +dog +0\.[0-9]+ +1[0-9]{2}\.. +1[0-9]{2}\.. +[34][0-9]{2}\.. +5[0-9]{2}\..$' "$work/out"
    says '^ +1 +bicycle ' "$work/out"
    says '^ +[27] +(car|truck) +0\.[0-9]+ +4[0-9]{2}\.. +[0-9]{2}\.. +6' "$work/out"
fi
