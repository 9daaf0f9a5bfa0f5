# Every digit gets its name's answer, with a probability of at least 0.9.
. "$SRC_DIR/tests/support/system.bash"

for picture in "$models"/digits/?.png; do
    digit=$(basename "$picture" .png)
    runs 0 "$OFFCUT" run "$lenet" --input "$picture" --labels "$models/digits.labels" --top 1
    says "^ +1 +$digit +(1|0\.9[0-9]*) +$digit\$" "$work/out"
    says '^ran: edge [0-9]+ nodes \(all local\)$' "$work/out"
done

# The same as numbers: pixel / 255 is also what --mean and --scale say in so many words.
runs 0 "$OFFCUT" run "$lenet" --input "$models/digits/7.png" --output "$work/a.npy"
runs 0 "$OFFCUT" run "$lenet" --input image="$models/digits/7.png" --output "$work/b.npy" \
    --mean 0 --scale 0.00392156862745098
cmp "$work/a.npy" "$work/b.npy"
runs 0 "$OFFCUT" run "$lenet" --input "$models/digits/7.png" --output "$work/b.npy" --mean 100
! cmp -s "$work/a.npy" "$work/b.npy" || fail "--mean changed nothing"

# What everything was: time that adds up, memory, one JSON document.
runs 0 "$OFFCUT" run "$lenet" --input "$models/digits/7.png" --timings --repeat 2
says '^  total +[0-9]+\.[0-9]{3}$' "$work/out"
says '^  peak +[0-9.]+ [KMG]iB' "$work/out"
runs 0 "$OFFCUT" run "$lenet" --input "$models/digits/7.png" --json
is_json "$work/out"
says '"class": 7' "$work/out"
says '"peak_bytes": [1-9]' "$work/out"
