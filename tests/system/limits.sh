# SPDX-License-Identifier: Apache-2.0
# --max-model-bytes and --max-memory: every command that opens a model keeps within both, or says which it would pass.
. "$SRC_DIR/tests/support/system.bash"

input=$models/digits/7.png
declare -A more=([inspect]="" [plan]="" [profile]="" [run]="--input $input"
    [split]="--cut 2 --head $work/head.onnx --tail $work/tail.onnx")
for command in inspect plan profile run split; do
    # shellcheck disable=SC2086
    refuses 1 "would pass the limit of 2048, of which [0-9]+ are held" \
        "$OFFCUT" "$command" "$lenet" ${more[$command]} --max-memory 2K
    # shellcheck disable=SC2086
    refuses 1 "expected at most 1024 bytes, found" \
        "$OFFCUT" "$command" "$lenet" ${more[$command]} --max-model-bytes 1K
done
[[ ! -e $work/head.onnx && ! -e $work/tail.onnx ]] || fail "a refused split left a file"
refuses 1 "would pass the limit of 2048, of which" \
    "$OFFCUT" worker --listen 127.0.0.1:0 --model "$lenet" --max-memory 2K
refuses 1 "expected at most 1024 bytes, found" \
    "$OFFCUT" worker --listen 127.0.0.1:0 --model "$lenet" --max-model-bytes 1K

# What was needed at most, on each kind of device: half of it is refused, all that is allowed is not passed.
for device in "" "--device reference"; do
    # shellcheck disable=SC2086
    runs 0 "$OFFCUT" run "$lenet" --input "$input" --output "$work/a.npy" --json --max-memory 64M $device
    is_json "$work/out"
    held=$(sed -nE 's/^ *"held_peak_bytes": ([0-9]+).*/\1/p' "$work/out")
    [[ $held -gt 100000 && $held -lt $((64 << 20)) ]] || fail "held_peak_bytes: $held"
    # shellcheck disable=SC2086
    refuses 1 "would pass the limit of $((held / 2)), of which" \
        "$OFFCUT" run "$lenet" --input "$input" --output "$work/none.npy" --max-memory $((held / 2)) $device
    [[ ! -e $work/none.npy ]] || fail "a refused run left a file"
    # shellcheck disable=SC2086
    runs 0 "$OFFCUT" run "$lenet" --input "$input" --output "$work/b.npy" $device
    cmp "$work/a.npy" "$work/b.npy" || fail "a limit changed the answer"
done

# A picture counts too, before it is decoded: 48 MB of one colour fit into a file of a few thousand bytes.
if command -v python3 >/dev/null; then
    python3 - "$work/large.png" <<'PY'
import struct, sys, zlib
side = 4000
chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
open(sys.argv[1], "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) +
    chunk(b"IDAT", zlib.compress(bytes(side * (3 * side + 1)), 9)) + chunk(b"IEND", b""))
PY
    refuses 1 "large.png: PNG: memory: 48000000 bytes more would pass the limit of 16777216, of which" \
        "$OFFCUT" run "$lenet" --input "$work/large.png" --max-memory 16M
fi

# Both sides of a cut keep within theirs.
start_worker --model "$lenet" --max-memory 64M
runs 0 "$OFFCUT" run "$lenet" --input "$input" --worker "$worker" --cut 2 --max-memory 64M --worker-required
