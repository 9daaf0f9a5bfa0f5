# The command's words: help of every command, the version, and what is not understood.
. "$SRC_DIR/tests/support/system.bash"

runs 0 "$OFFCUT" --help
for command in run plan inspect devices worker profile top replay demo; do
    says "^  $command " "$work/out"
done
runs 0 "$OFFCUT" --version
says '^offcut [0-9]+\.[0-9]+\.[0-9]+$' "$work/out"
for command in run plan inspect devices worker profile top replay demo; do
    runs 0 "$OFFCUT" "$command" --help
    says "^usage: offcut $command" "$work/out"
    cp "$work/out" "$work/help"
    runs 0 "$OFFCUT" help "$command"
    cmp -s "$work/help" "$work/out" || fail "help $command and $command --help differ"
done
# Help is given whatever else was typed.
runs 0 "$OFFCUT" run --nonsense --help

refuses 2 '^offcut: .*command.*--help' "$OFFCUT"
refuses 2 "^offcut: 'fly' is no command" "$OFFCUT" fly
refuses 2 "^offcut: 'fly' is no command" "$OFFCUT" help fly
refuses 2 '^offcut run: --nonsense: no such option \(see: offcut run --help\)' "$OFFCUT" run "$lenet" --nonsense
refuses 2 '^offcut run: -x: no such option' "$OFFCUT" run "$lenet" -x
refuses 2 '^offcut run: --input: expected .*found nothing' "$OFFCUT" run "$lenet" --input
refuses 2 '^offcut run: expected a MODEL, found none' "$OFFCUT" run
refuses 2 'expected one MODEL' "$OFFCUT" run a b
refuses 2 "expected options only, found 'now'" "$OFFCUT" devices now
refuses 2 '^offcut devices: --json takes no value' "$OFFCUT" devices --json=yes
refuses 2 '^offcut run: expected --input FILE' "$OFFCUT" run "$lenet"
for bad in 0 -1 x 5x '' 99999999999; do
    refuses 2 '^offcut run: --top: expected a whole number from 1 to' "$OFFCUT" run "$lenet" --top "$bad"
done
for bad in '' x 1,2 1,2,3,4 1,,2 1, nan inf ' 1'; do
    refuses 2 '^offcut run: --mean: expected one number or three' "$OFFCUT" run "$lenet" --mean "$bad"
done
picture=$models/digits/7.png
refuses 2 'expected one of them, found several' "$OFFCUT" run "$lenet" -i "$picture" --cut 1 --plan x
refuses 2 'expected --worker HOST:PORT' "$OFFCUT" run "$lenet" -i "$picture" --cut 3
refuses 2 'expected --worker HOST:PORT' "$OFFCUT" run "$lenet" -i "$picture" --cut every
refuses 2 'expected --worker HOST:PORT' "$OFFCUT" run "$lenet" -i "$picture" --worker-required
refuses 2 'expected one file for input image' "$OFFCUT" run "$lenet" -i "$picture" -i "$picture"
refuses 2 'expected one number, since input image has one channel' "$OFFCUT" run "$lenet" -i "$picture" --mean 1,2,3
refuses 2 'expected a picture, found' "$OFFCUT" run "$lenet" -i "$models/lenet5_golden_in.npy" --mean 1
refuses 2 "a plan has one cut" "$OFFCUT" plan "$lenet" --cut every
refuses 2 'expected --model' "$OFFCUT" worker
# One value, given twice, is a contradiction; flags and lists may come again.
refuses 2 "^offcut run: --top: expected one K, found a second: '2'" "$OFFCUT" run "$lenet" --top 1 --top=2
refuses 2 "^offcut run: --output: expected one FILE.npy, found a second" "$OFFCUT" run "$lenet" -o a.npy --output b.npy
refuses 2 "^offcut run: --mean: expected one .*, found a second" "$OFFCUT" run "$lenet" --mean 1 --mean 1
refuses 2 "^offcut plan: --cut: expected one CUT, found a second" "$OFFCUT" plan "$lenet" --cut 1 --cut 1
refuses 2 "^offcut worker: --listen: expected one .*, found a second" "$OFFCUT" worker --listen 127.0.0.1:0 \
    --listen 127.0.0.1:0
refuses 2 "^offcut demo: --device: expected one SELECTOR, found a second" "$OFFCUT" demo --device pocl --device pocl
runs 0 "$OFFCUT" devices --json --json
for empty in --input --output --device --cut --plan --worker --labels; do
    refuses 2 "^offcut run: $empty: expected .*, found ''" "$OFFCUT" run "$lenet" -i "$picture" "$empty" ''
done
refuses 2 "lenet5 has no input 'nope' \(its inputs: image\)" "$OFFCUT" run "$lenet" -i nope=absent.png

# The model stays, under whatever name it would be written over, and nothing runs for it.
cp "$lenet" "$work/own.tflite"
ln "$work/own.tflite" "$work/hard.tflite"
ln -s own.tflite "$work/link.tflite"
for own in "$work/own.tflite" "$work/hard.tflite" "$work/link.tflite" "$work/../${work##*/}/own.tflite"; do
    for option in --output --trace --log; do
        refuses 1 "^offcut run: $option: expected another file than the model.s own, found $own\$" \
            "$OFFCUT" run "$work/own.tflite" -i "$picture" --policy local --device no-such "$option" "$own"
    done
    refuses 1 '^offcut plan: --output: expected another file than the model.s own' "$OFFCUT" plan "$work/own.tflite" -o "$own"
    refuses 1 '^offcut profile: --output: expected another file than the model.s own' \
        "$OFFCUT" profile "$work/own.tflite" --device no-such -o "$own"
done
cmp "$lenet" "$work/own.tflite"

# An answer that cannot be written is a failure.
if [[ -e /dev/full ]]; then
    status=0
    "$OFFCUT" --version >/dev/full 2>"$work/err" || status=$?
    [[ $status -eq 1 ]] || fail "status $status although nothing could be written"
    says '^offcut: stdout: ' "$work/err"
fi
