# SPDX-License-Identifier: Apache-2.0
# Both sides of a cut as ONNX files: the tail run on what the head gave answers as the whole network does, bit for
# bit, at every cut. What is no split is refused, and leaves no file.
. "$SRC_DIR/tests/support/system.bash"

"$GENERATE_MODELS" "$work"
head=$work/head.onnx
tail=$work/tail.onnx

# How a picture is resized goes by the model's format: said here, since both halves are ONNX files.
every_split() { # MODEL INPUT VALUES...: the value of cut 1, 2, ..., each cut one value
    local model=$1 input=$2 cut=0
    shift 2
    runs 0 "$OFFCUT" run "$model" --device reference --resize filtered --input "$input" --output "$work/whole.npy"
    for _ in "$@"; do
        cut=$((cut + 1))
        runs 0 "$OFFCUT" split "$model" --cut "$cut" --head "$head" --tail "$tail"
        says "^$head and $tail: .* at cut $cut\$" "$work/out"
        runs 0 "$OFFCUT" run "$head" --device reference --resize filtered --input "$input" --output "$work/between.npy"
        runs 0 "$OFFCUT" run "$tail" --device reference --input "$work/between.npy" --output "$work/answer.npy"
        cmp "$work/whole.npy" "$work/answer.npy" || fail "$model cut at $cut answers something else"
        rm "$head" "$tail"
    done
}
# LeNet has one value at each cut; the first two cuts of the residual network too, of several inputs C tests run all.
every_split "$lenet" "$models/digits/3.png" 1 2 3 4 5 6 7 8
every_split "$work/residual.onnx" "$work/residual_input.npy" 1 2

# Several values: their names are those of the cut, and a cut by name is the same cut.
runs 0 "$OFFCUT" split "$work/residual.onnx" --cut 3 --head "$head" --tail "$tail"
runs 0 "$OFFCUT" inspect "$head"
says '^ *output +relu0 ' "$work/out"
runs 0 "$OFFCUT" inspect "$tail"
says '^ *input +relu0 ' "$work/out"

# Its outputs go to a file each, of which none may be its own.
cp "$head" "$work/part-relu0.npy"
refuses 1 '^offcut run: --output: expected another file than the model.s own, found .*/part-relu0\.npy$' \
    "$OFFCUT" run "$work/part-relu0.npy" --device no-such-device --input "$work/residual_input.npy" --output "$work/part.npy"
cmp "$head" "$work/part-relu0.npy"

# Twice the same bytes.
runs 0 "$OFFCUT" split "$work/concat.onnx" --cut 4 --head "$head" --tail "$tail"
runs 0 "$OFFCUT" split "$work/concat.onnx" --cut 4 --head "$head.again" --tail "$tail.again"
cmp "$head" "$head.again"
cmp "$tail" "$tail.again"
rm "$head" "$tail"

refuses 2 'expected --tail' "$OFFCUT" split "$lenet" --cut 3 --head "$head"
refuses 1 'cut 0: expected nodes on both sides' "$OFFCUT" split "$lenet" --cut 0 --head "$head" --tail "$tail"
refuses 1 'cut 9: expected nodes on both sides' "$OFFCUT" split "$lenet" --cut 9 --head "$head" --tail "$tail"
refuses 1 'graph .* has cuts 0 to 9' "$OFFCUT" split "$lenet" --cut 10 --head "$head" --tail "$tail"
refuses 1 'cut "nobody"' "$OFFCUT" split "$lenet" --cut nobody --head "$head" --tail "$tail"
refuses 1 'expected two files, found' "$OFFCUT" split "$lenet" --cut 3 --head "$head" --tail "$work/../${work##*/}/head.onnx"
refuses 1 'found a folder' "$OFFCUT" split "$lenet" --cut 3 --head "$head" --tail "$work"
# The model and what belongs to it stay, however they are called.
cp "$lenet" "$work/own.tflite"
ln -s own.tflite "$work/link.tflite"
for place in "$work/own.tflite" "$work/../${work##*/}/own.tflite"; do
    refuses 1 'tail: expected another file than the model.s own' \
        "$OFFCUT" split "$work/link.tflite" --cut 3 --head "$head" --tail "$place"
    refuses 1 'head: expected another file than the model.s own' \
        "$OFFCUT" split "$work/own.tflite" --cut 3 --head "$place" --tail "$tail"
done
cmp "$lenet" "$work/own.tflite"
[[ ! -e $head && ! -e $tail ]] || fail "a refused split left a file"
