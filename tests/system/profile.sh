# Nodes are measured here and on a worker; what is written is read again, and refused where it does not fit.
. "$SRC_DIR/tests/support/system.bash"

profile=$work/profile.yaml
runs 0 "$OFFCUT" profile "$lenet" --repeat 2 -o "$profile"
says '^  edge +9 +[0-9.]+ ' "$work/out"
says '^  index +node +operator +ms +share$' "$work/out"
says '^ +[0-9]+ +conv2 +conv2d +[0-9]+\.[0-9]{3} +[0-9.]+%$' "$work/out"
says "^written to $profile$" "$work/out"
[[ ! -s $work/err ]] || fail "there is no terminal to show progress on"
says '^offcut_profile: 1$' "$profile"
says '^  - \{name: conv1, us: [0-9]+\.[0-9]{3}\}$' "$profile"
[[ $(grep -c '{name: ' "$profile") -eq 9 ]] || fail "expected one line a node"

runs 0 "$OFFCUT" profile "$lenet" --device reference --repeat 1 --json
is_json "$work/out"
says '"role": "edge"' "$work/out"
[[ $(grep -c '"ns": ' "$work/out") -eq 9 ]] || fail "expected the time of every node"

# A worker is measured as well, and both stand in one file.
start_worker --model "$lenet"
runs 0 "$OFFCUT" profile "$lenet" --repeat 1 --worker "$worker" -o "$profile"
says '^  worker +9 ' "$work/out"
says ' ms +share +worker ms +share$' "$work/out"
says '^- role: worker$' "$profile"
[[ $(grep -c '{name: ' "$profile") -eq 18 ]] || fail "expected every node twice"

# It is there in whole or not at all, and what was there before stays.
cp "$profile" "$work/before.yaml"
kill -KILL "$worker_pid"
wait "$worker_pid" || true
refuses 1 "$worker" "$OFFCUT" profile "$lenet" --repeat 1 --worker "$worker" -o "$profile"
cmp "$profile" "$work/before.yaml" || fail "a profile that failed was written"
refuses 1 'absent/p\.yaml' "$OFFCUT" profile "$lenet" --repeat 1 --device reference -o "$work/absent/p.yaml"
refuses 1 'nonsense' "$OFFCUT" profile "$lenet" --device reference --worker nonsense
refuses 2 '--repeat' "$OFFCUT" profile "$lenet" --repeat 0

# Decisions take it; another model's is refused, and so is a wrong line, by file, line and key.
run_with() { # PROFILE: the words of a run that decides with it
    set -- "$OFFCUT" run "$lenet" --input "$models/digits/7.png" --policy local --profile "$1"
    words=("$@")
}
run_with "$profile"
runs 0 "${words[@]}"
run_with "$work/bad.yaml"
sed 's/digest: .*/digest: '"$(printf '0%.0s' {1..64})"'/' "$profile" >"$work/bad.yaml"
refuses 1 'bad\.yaml:4: model\.digest: .* 0{64}' "${words[@]}"
sed 's/name: conv2/name: conv3/' "$profile" >"$work/bad.yaml"
refuses 1 'bad\.yaml:[0-9]+: sites\[0\]\.nodes\[2\]\.name: .*conv3' "${words[@]}"
sed 's/us: .*/us: -1}/' "$profile" >"$work/bad.yaml"
refuses 1 'bad\.yaml:[0-9]+: sites\[0\]\.nodes\[0\]\.us: .* found .-1' "${words[@]}"
sed 's/  threads: /  thread: /' "$profile" >"$work/bad.yaml"
refuses 1 'bad\.yaml:[0-9]+: .*thread' "${words[@]}"
