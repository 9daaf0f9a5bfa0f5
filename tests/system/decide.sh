# SPDX-License-Identifier: Apache-2.0
# Policies of the command: each gives the local run's bits, explains itself, is traced, and its log replays to the same
# decisions; wrong words say what is expected. Which choice is quickest is no test's business: here policies are fixed or bound.
. "$SRC_DIR/tests/support/system.bash"
picture=$models/digits/5.png
run() { "$OFFCUT" run "$lenet" --input "$picture" "$@"; }
runs 0 run --output "$work/local.npy"
start_worker --model "$lenet"
first=$worker
start_worker --model "$lenet"
second=$worker

# decides POLICY ARGUMENTS...: the answer, and in $work/out what was said.
decides() {
    runs 0 run --policy "$@" --output "$work/out.npy" --explain --log "$work/log.jsonl" --trace "$work/trace.json"
    cmp "$work/local.npy" "$work/out.npy" || fail "--policy $*: other bits"
    says '^options, as predicted' "$work/out"
    says '^decisions ' "$work/out"
    says '^predicted [0-9.,]+ ms, took [0-9.,]+ ms: ' "$work/out"
    [[ $(grep -c '^ *-> ' "$work/out") -eq 1 ]] || {
        cat "$work/out" >&2
        fail "--policy $*: expected one option that was chosen"
    }
    is_json_text "$work/trace.json"
    replays_same
    rm "$work/out.npy"
}

# is_json_text FILE: one JSON value, where the machine has a reader.
is_json_text() {
    [[ -s $1 ]] || fail "empty: $1"
    ! command -v python3 >/dev/null || python3 -m json.tool "$1" >/dev/null || fail "no JSON: $1"
}

# Every choice in the log is what its situation gives again.
replays_same() {
    cp "$work/out" "$work/explained"
    runs 0 "$OFFCUT" replay "$work/log.jsonl"
    says ' decisions of .*, all the same$' "$work/out"
    mv "$work/explained" "$work/out"
}

# spans PATTERN: a row or a span of that name is in the trace.
spans() {
    says "\"name\":\"$1" "$work/trace.json"
}

# Nodes that run at the edge and at a worker: a policy that is bound to a choice makes it.
decides local --worker "$first"
says '^ran: edge 9 nodes \(all local\)$' "$work/out"
decides fixed:4 --worker "$first"
says "^ran: edge 4 nodes, worker $first 5 nodes\$" "$work/out"
spans 'edge'
spans "wire $first"
spans "worker $first"
decides remote --worker "$first"
says "^ran: edge 0 nodes, worker $first 9 nodes\$" "$work/out"
decides remote --worker "$first" --worker "$second" --hedge --audit 1
decides latency --worker "$first" --worker "$second" --repeat 12
decides deadline:60000 --worker "$first"
decides privacy:conv2 --worker "$first"
says ' not allowed by privacy' "$work/out"
says "^ran: edge [3-9] nodes" "$work/out"

# An edge without the memory for the tail forwards it, and cannot do without.
decides memory:64K --worker "$first"
says "^ran: edge [0-8] nodes, worker $first [1-9] nodes\$" "$work/out"
refuses 1 "^offcut run: " run --policy memory:64K --deadline 2000

# What if: another policy over the same situations.
runs 0 run --policy fixed:4 --worker "$first" --repeat 3 --log "$work/log.jsonl"
runs 0 "$OFFCUT" replay "$work/log.jsonl" --policy local
says 'all-local|stay' "$work/out"

# A profile: written, used, and refused for another model.
runs 0 "$OFFCUT" profile "$lenet" --worker "$first" -o "$work/profile.yaml"
decides latency --worker "$first" --profile "$work/profile.yaml"
"$GENERATE_MODELS" "$work"
# (A worker of the same model, so that there is nothing else to complain of.)
start_worker --model "$work/residual.onnx"
refuses 1 'digest|model' "$OFFCUT" run "$work/residual.onnx" --input "$work/residual_input.npy" --worker "$worker" \
    --profile "$work/profile.yaml"
sed 's/^\( *\)digest:/\1digset:/' "$work/profile.yaml" >"$work/wrong.yaml"
refuses 1 'wrong\.yaml.*(digset|line)' run --worker "$first" --profile "$work/wrong.yaml"

# Wrong words.
refuses 1 'nonsense.*latency' run --policy nonsense --worker "$first"
refuses 1 'local.*no argument' run --policy local:3 --worker "$first"
refuses 1 'fixed:CUT' run --policy fixed --worker "$first"
refuses 1 'cut 99' run --policy fixed:99 --worker "$first"
refuses 1 'nowhere' run --policy privacy:nowhere --worker "$first"
refuses 1 'deadline:soon' run --policy deadline:soon --worker "$first"
refuses 1 'memory:much' run --policy memory:much --worker "$first"
refuses 1 'latency' run --policy latency,latency --worker "$first"
refuses 1 'remote and privacy never' run --policy remote,privacy:conv2 --worker "$first"
refuses 2 'several' run --policy local --cut 3 --worker "$first"
refuses 2 'neither' run --explain
refuses 2 'audit' run --policy remote --worker "$first" --audit 2
refuses 1 'absent\.yaml' run --worker "$first" --profile "$work/absent.yaml"
refuses 1 'absent\.jsonl' "$OFFCUT" replay "$work/absent.jsonl"
printf '{"this is":"no log"}\n' >"$work/bad.jsonl"
refuses 1 'bad\.jsonl.*1' "$OFFCUT" replay "$work/bad.jsonl"
