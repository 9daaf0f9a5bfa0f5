# SPDX-License-Identifier: Apache-2.0
# `offcut tune`: what it measures is kept and taken by later starts; and whatever edge and worker have kept, an answer has
# the bits of a local run without any of it.
. "$SRC_DIR/tests/support/system.bash"

"$GENERATE_MODELS" "$work"

# ---- different choices at edge and worker ---------------------------------------------------------

kernels() { # OPTIONS...: the options that LeNet's kernels are built with
    "$OFFCUT" bench "$lenet" "$@" --layers --repeat 1 --json | sed -n 's/^ *"options": //p'
}

differ_but_agree() { # MODEL INPUT CUT [OPTIONS...]
    local model=$1 input=$2 cut=$3
    shift 3
    rm -rf "$work/edge" "$work/worker"
    "$FORCE_CHOICES" "$model" "$work/edge" 1 ${2:+"$2"} > "$work/count"
    says '^[1-9][0-9]* layers$' "$work/count"
    "$FORCE_CHOICES" "$model" "$work/worker" 2 ${2:+"$2"} > /dev/null
    runs 0 "$OFFCUT" run "$model" --input "$input" --output "$work/local.npy" --cache none "$@"
    start_worker --model "$model" --cache "$work/worker" "$@"
    runs 0 "$OFFCUT" run "$model" --input "$input" --output "$work/found.npy" --cut "$cut" --worker "$worker" \
        --cache "$work/edge" "$@"
    says "^ran: edge [1-9][0-9]* nodes, worker $worker [1-9][0-9]* nodes\$" "$work/out"
    cmp "$work/local.npy" "$work/found.npy"
    kill -TERM "$worker_pid"
    wait "$worker_pid" || fail "a worker that is told to stop ends with $?"
}
differ_but_agree "$lenet" "$models/digits/3.png" pool1
kernels --cache none > "$work/rule.txt"
for site in edge worker; do
    kernels --cache "$work/$site" > "$work/$site.txt"
    ! cmp -s "$work/rule.txt" "$work/$site.txt" || fail "the forced choices of the $site are not taken"
done
! cmp -s "$work/edge.txt" "$work/worker.txt" || fail "edge and worker choose the same"
differ_but_agree "$work/residual.onnx" "$work/residual_input.npy" 4
differ_but_agree "$work/residual.onnx" "$work/residual_input.npy" 4 --numerics winograd2
differ_but_agree "$models/tflite/network_int8.tflite" "$models/digits/3.png" 3

# ---- the command ----------------------------------------------------------------------------------

cache=$work/tuned
runs 0 "$OFFCUT" tune "$lenet" --cache "$cache"
says '^  a whole run ' "$work/out"
says "^kept for later starts: 5 of 5 layers in $cache\$" "$work/out"
runs 0 "$OFFCUT" run "$lenet" --input "$models/digits/3.png" --output "$work/found.npy" --cache "$cache"
runs 0 "$OFFCUT" run "$lenet" --input "$models/digits/3.png" --output "$work/local.npy" --cache none
cmp "$work/local.npy" "$work/found.npy"

# Nothing is measured twice, unless that is asked for; what holds for two threads does not for one.
runs 0 "$OFFCUT" tune "$lenet" --cache "$cache" --json
is_json "$work/out"
! grep -q '"tried": [1-9]' "$work/out" || fail "a layer was tried again"
! grep -q '"was_kept": false' "$work/out" || fail "a choice was not found again"
runs 0 "$OFFCUT" tune "$lenet" --cache "$cache" --threads 1 --json
[[ $(nproc) -eq 1 ]] || ! grep -q '"was_kept": true' "$work/out" || fail "threads are not part of the key"
runs 0 "$OFFCUT" tune "$lenet" --cache "$cache" --again --json
says '"tried": [1-9]' "$work/out"

# What was kept is all that a later start needs.
runs 0 "$OFFCUT" run "$lenet" --input "$models/digits/3.png" --cache "$cache" --threads 1 --verbose
says 'a program of [0-9]+ parts was loaded' "$work/err"
! grep -q 'parts was built' "$work/err" || fail "a program was built again after tuning"

# A layer that was begun is tried wholly, and none is kept that was not.
runs 0 "$OFFCUT" tune "$lenet" --cache "$work/hurried" --seconds 1 --json
awk '$1 == "\"tried\":" { tried = $2 + 0 } $1 == "\"is_kept\":" { n += tried > 0; bad += (tried > 0) != ($2 ~ /true/) }
    END { exit n == 0 || bad > 0 }' "$work/out" || fail "kept is not what was tried: $(cat "$work/out")"

# Corrupt choices: one warning, and the rule holds.
while read -r file; do
    [[ $(stat -c %s "$file") -gt 200 ]] || truncate -s 85 "$file"
done < <(find "$cache" -type f)
runs 0 "$OFFCUT" run "$lenet" --input "$models/digits/3.png" --output "$work/found.npy" --cache "$cache"
[[ $(grep -c 'warning: cache: ' "$work/err") -eq 1 ]] || fail "expected one warning: $(cat "$work/err")"
cmp "$work/local.npy" "$work/found.npy"

# Nowhere to keep it: that is said, and the rest is as before.
runs 0 "$OFFCUT" tune "$lenet" --cache /proc/self/offcut
says '^kept for later starts: 0 of 5 layers' "$work/out"
[[ $(grep -c 'warning: cache: ' "$work/err") -eq 1 ]] || fail "expected one warning: $(cat "$work/err")"
runs 0 "$OFFCUT" tune "$lenet" --cache none
says '^kept for later starts: 0 of 5 layers .--cache none.$' "$work/out"
runs 0 "$OFFCUT" tune "$lenet" --device reference
says '^no layer has anything to choose on this device$' "$work/out"
