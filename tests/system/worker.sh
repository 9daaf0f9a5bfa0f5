# The worker's own manners: one line that says where, its models, a clean end, and what it refuses.
. "$SRC_DIR/tests/support/system.bash"

start_worker --model digits="$lenet"
says '^listening on 127\.0\.0\.1:[1-9][0-9]*$' "$work/worker0"
says '^model digits: .*lenet5\.tflite, [0-9]+ nodes, digest [0-9a-f]{64}$' "$work/worker0"
refuses 1 "^offcut worker: .*${worker##*:}" "$OFFCUT" worker --listen "$worker" --model "$lenet"
kill -INT "$worker_pid"
wait "$worker_pid" || fail "a worker that is interrupted ends with $?"

refuses 1 'absent\.tflite' "$OFFCUT" worker --listen 127.0.0.1:0 --model "$work/absent.tflite"
refuses 1 'digits' "$OFFCUT" worker --listen 127.0.0.1:0 --model digits="$lenet" --model digits="$lenet"
refuses 1 'nonsense' "$OFFCUT" worker --listen nonsense --model "$lenet"
