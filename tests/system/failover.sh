# A worker that is absent, has another model, or dies in the middle: the answer comes from here, the same bits, with
# the reason; unless the worker is required.
. "$SRC_DIR/tests/support/system.bash"
picture=$models/digits/5.png
runs 0 "$OFFCUT" run "$lenet" --input "$picture" --output "$work/local.npy"

# falls_back PATTERN ADDRESS: the run ends well, says why, and gives the same bits.
falls_back() {
    runs 0 "$OFFCUT" run "$lenet" --input "$picture" --output "$work/cut.npy" --cut 4 --worker "$2" --timings
    says '^ran: edge [0-9]+ nodes \(all local\)$' "$work/out"
    says "^fallback: .*$1.*; the tail ran here\$" "$work/out"
    cmp "$work/local.npy" "$work/cut.npy"
    rm "$work/cut.npy"
}

# Nobody listens there: the port was free a moment ago, when this worker ended.
start_worker --model "$lenet"
absent=$worker
kill -TERM "$worker_pid"
wait "$worker_pid" || fail "a worker that is told to stop ends with $?"
falls_back "$absent" "$absent"
refuses 1 "^offcut run: .*$absent" "$OFFCUT" run "$lenet" --input "$picture" --output "$work/cut.npy" --cut 4 \
    --worker "$absent" --worker-required
[[ ! -e $work/cut.npy ]] || fail "an output in spite of failing"

# Another model of the same name.
"$GENERATE_MODELS" "$work"
start_worker --model lenet5="$work/residual.onnx"
falls_back "digest|model" "$worker"
refuses 1 "digest|model" "$OFFCUT" run "$lenet" --input "$picture" --cut 4 --worker "$worker" --worker-required

# Frozen before it says hello, and killed while the edge waits for that.
start_worker --model "$lenet"
kill -STOP "$worker_pid"
(sleep 0.5 && kill -KILL "$worker_pid") &
falls_back "$worker" "$worker"
wait $! || true

# Killed in the middle of runs: the worker's own log says when it has answered many of them, and the run is far from
# its end then. What comes after is the same, bit for bit: the output is the last run's.
start_worker --model "$lenet" --verbose
log=$work/worker$((${#workers[@]} - 1))
"$OFFCUT" run "$lenet" --input "$picture" --output "$work/cut.npy" --cut 1 --worker "$worker" --repeat 3000 \
    >"$work/out" 2>"$work/err" &
run_pid=$!
for ((i = 0; i < 3000; i++)); do
    answered=$(grep -c ': request [0-9]*: .* ran ' "$log" || true)
    ((answered < 50)) || break
    kill -0 "$run_pid" 2>/dev/null || break
    sleep 0.01
done
kill -KILL "$worker_pid"
status=0
wait "$run_pid" || status=$?
[[ $status -eq 0 ]] || {
    cat "$work/out" "$work/err" >&2
    fail "exit status $status after the worker was killed"
}
answered=$(grep -c ': request [0-9]*: .* ran ' "$log" || true)
((answered >= 50 && answered < 3000)) || fail "killed after $answered of 3000 runs, not in the middle"
says '^ran: edge [0-9]+ nodes \(all local\)$' "$work/out"
says "^fallback: .*$worker.*; the tail ran here\$" "$work/out"
cmp "$work/local.npy" "$work/cut.npy"
rm "$work/cut.npy"

# Frozen for good: the edge waits as long as it was told to.
start_worker --model "$lenet"
kill -STOP "$worker_pid"
begin=$SECONDS
runs 0 "$OFFCUT" run "$lenet" --input "$picture" --cut 4 --worker "$worker" --worker-timeout 300 --connect-timeout 300
((SECONDS - begin <= 5)) || fail "waited $((SECONDS - begin)) s for a frozen worker"
says '^fallback: .*; the tail ran here$' "$work/out"
