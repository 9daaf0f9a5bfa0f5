# What a run takes, and where its time goes: that the numbers are there and fit together, not how large they are.
. "$SRC_DIR/tests/support/system.bash"

runs 0 "$OFFCUT" bench "$lenet" --repeat 7
says '^latency of 7 runs, ms$' "$work/out"
says '^ +min +median +p90 +p99 +max$' "$work/out"
says '^ +first answer +[0-9]+\.[0-9]{3}  since the command began$' "$work/out"
says '^  arena +23\.5 KiB  values between the nodes \(lower bound 23\.5 KiB\)$' "$work/out"
says '^  peak +[0-9.]+ MiB ' "$work/out"
! grep -q '^nodes' "$work/out" || fail "layers that nobody asked for"
[[ ! -s $work/err ]] || fail "there is no terminal to show progress on"

runs 0 "$OFFCUT" bench "$lenet" --repeat 5 --layers
says '^  float32 [0-9.]+ GFLOP/s, sums of 8-bit products [0-9.]+ GOP/s, a kernel.s start [0-9.]+ us$' "$work/out"
says '^ +bytes touched +read GB/s +copy GB/s$' "$work/out"
says '^  index +node +operator +output +kernel +ms +share +best ms +GFLOP/s +GB/s +limit +of peak$' "$work/out"
says '^ +2  conv2 +conv2d +1x10x10x16 +conv2d_tile +[0-9.]+ +[0-9.]+% +[0-9.]+ +[0-9.]+ +[0-9.]+ +(arithmetic|memory) +[0-9.]+%$' "$work/out"
says '^ +4  flatten +reshape +1x400 +- +0\.000 +0\.0% +0\.000 +- +- +- +-$' "$work/out"
says '^ +sum +[0-9.]+ +100\.0% ' "$work/out"
says '^ +3  fully_connected +fully_connected_tile ' "$work/out" # of the kinds of layers
says '^host overhead -?[0-9.]+ ms, -?[0-9.]+% of the wall.s median$' "$work/out"
says '^  between kernels ' "$work/out"
# The nodes stand in their order, or the slowest first.
[[ $(sed -n '/^nodes/,/^ *sum/s/^ *\([0-9]\) .*/\1/p' "$work/out" | tr -d '\n') == 012345678 ]] || fail "another order"
runs 0 "$OFFCUT" bench "$lenet" --repeat 5 --layers --sort time
sed -n '/^nodes/,/^ *sum/s/^ *[0-9]  .* \([0-9.]*\) *[0-9.]*% .*%$/\1/p' "$work/out" | sort -c -rn || fail "not the slowest first"

# The same as JSON, and the sums are those of the nodes.
runs 0 "$OFFCUT" bench "$lenet" --repeat 5 --layers --json
is_json "$work/out"
for key in runs min_ns median_ns p90_ns p99_ns max_ns mean_ns open_ns prepare_ns first_run_ns first_answer_ns \
           weight_bytes arena_bytes arena_lower_bound peak_bytes float32_ops_per_s int8_ops_per_s start_ns \
           read_bytes_per_s copy_bytes_per_s best_ns bound_ns of_peak options between_kernels_ns overhead_ns; do
    says "\"$key\": " "$work/out"
done
if command -v python3 >/dev/null; then
    python3 - "$work/out" <<'PYTHON' || fail "the numbers do not fit together"
import json, sys
d = json.load(open(sys.argv[1]))
nodes, total, latency = d["layers"]["nodes"], d["layers"]["sum"], d["latency"]
assert len(nodes) == d["model"]["nodes"] == 9
for key in ("ns", "best_ns", "ops", "bytes"):
    assert abs(sum(n[key] for n in nodes) - total[key]) <= 1e-6 * total[key], key
for n in nodes:
    assert abs(sum(k["ns"] for k in n["kernels"]) - n["ns"]) <= 1e-6 * n["ns"]
    assert (n["limit"] is None) == (n["bound_ns"] is None) == (not n["kernels"])
assert total["ops"] >= 2 * d["model"]["macs"]
times = [latency[k] for k in ("min_ns", "median_ns", "p90_ns", "p99_ns", "max_ns")]
assert times == sorted(times) and latency["runs"] == 5
# On a machine that does much else too: kernels at their best are no longer than the slowest run.
assert 0 < total["best_ns"] <= latency["max_ns"]
assert d["start"]["first_answer_ns"] >= d["start"]["open_ns"] + d["start"]["first_run_ns"]
PYTHON
fi

# A node of several kernels shows each (this one has one where the device multiplies bytes); the reference device has one a
# node, and no peak.
"$GENERATE_MODELS" "$work" >/dev/null
runs 0 "$OFFCUT" bench "$models/tflite/conv_int8.tflite" --repeat 2 --layers
says ' conv2d +[0-9x]+ +(widen, conv2d_int_tile|conv2d_dot_tile) ' "$work/out"
grep -q conv2d_dot_tile "$work/out" || says '^ +widen +[0-9.]+ +[0-9.]+% +[0-9.]+ *$' "$work/out"
runs 0 "$OFFCUT" bench "$lenet" --repeat 2 --layers --device reference
says '^peak: this device has nothing to be held against$' "$work/out"
runs 0 "$OFFCUT" bench "$lenet" --repeat 2 --layers --device reference --json
says '"peak": null' "$work/out"

# Threads are those of the device that is measured; a picture may be given, and numbers of another seed.
runs 0 "$OFFCUT" bench "$lenet" --repeat 2 --threads 1 --input "$models/digits/7.png"
says ', 1 compute unit$' "$work/out"
runs 0 "$OFFCUT" bench "$lenet" --repeat 2 --seed 7 --device reference

refuses 1 '--batch 4: lenet5 fixes its batch: input image is 1x28x28x1' "$OFFCUT" bench "$lenet" --batch 4
refuses 2 "--sort: expected order or time, found 'size'" "$OFFCUT" bench "$lenet" --sort size
refuses 2 '--repeat' "$OFFCUT" bench "$lenet" --repeat 0
refuses 1 'absent\.onnx' "$OFFCUT" bench "$work/absent.onnx"
refuses 1 'absent\.npy' "$OFFCUT" bench "$lenet" --input "$work/absent.npy"
refuses 1 'nowhere' "$OFFCUT" bench "$lenet" --device nowhere
