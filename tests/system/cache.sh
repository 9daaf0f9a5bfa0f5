# SPDX-License-Identifier: Apache-2.0
# Built kernels are kept in a folder; what is wrong with it costs one warning and no answer.
model="$SRC_DIR/tests/models/lenet5.tflite"
picture="$SRC_DIR/tests/models/digits/7.png"
cache="$PWD/cache"
rm -rf "$cache" home answer.npy first.npy
mkdir home

fail() {
    echo "$1" >&2
    exit 1
}

# Runs with the words given; what it says on stderr goes to `said`. The answer never changes.
run() {
    "$OFFCUT" run "$model" --input "$picture" --output answer.npy --verbose "$@" > /dev/null 2> said ||
        fail "run $*: $(cat said)"
    [ -e first.npy ] || cp answer.npy first.npy
    cmp answer.npy first.npy
}

warnings() {
    grep -c "warning: cache: " said || true
}

run --cache none
[ ! -e "$cache" ] || fail "--cache none made a folder"
run --cache "$cache"
count=$(find "$cache" -type f | wc -l)
[ "$count" -gt 0 ] || fail "nothing was kept"
[ "$(warnings)" -eq 0 ] || fail "expected no warning: $(cat said)"
before=$(find "$cache" -type f -printf '%i %f\n' | sort)

# Nothing is built and nothing written once all of it is there.
while :; do
    run --cache "$cache"
    after=$(find "$cache" -type f -printf '%i %f\n' | sort)
    [ "$before" != "$after" ] || break
    before=$after
done
[ "$(warnings)" -eq 0 ] || fail "expected no warning: $(cat said)"

# All files cut short: one warning, and they are made again.
find "$cache" -type f -exec truncate -s 100 {} +
run --cache "$cache"
[ "$(warnings)" -eq 1 ] || fail "expected one warning: $(cat said)"
[ "$(find "$cache" -type f -size +100c | wc -l)" -gt 0 ] || fail "nothing was made again"

# A folder that takes nothing.
run --cache /proc/self/offcut
[ "$(warnings)" -eq 1 ] || fail "expected one warning: $(cat said)"

# Who did not ask for the log is told too, in one line: by each command that opens a device.
one_line() {
    [ "$(wc -l < said)" -eq 1 ] && [ "$(warnings)" -eq 1 ] ||
        fail "$1: expected one warning and nothing else: $(cat said)"
}
bad=/proc/self/offcut
"$OFFCUT" run "$model" --input "$picture" --cache "$bad" > /dev/null 2> said
one_line run
"$OFFCUT" bench "$model" --repeat 1 --cache "$bad" > /dev/null 2> said
one_line bench
"$OFFCUT" profile "$model" --repeat 1 --cache "$bad" > /dev/null 2> said
one_line profile
"$OFFCUT" worker --listen 127.0.0.1:0 --model "$model" --cache "$bad" > worker.out 2> said &
worker=$!
until grep -q "^model " worker.out; do
    kill -0 "$worker" || fail "the worker ended: $(cat said)"
    sleep 0.1
done
kill "$worker"
wait "$worker"
one_line worker

# Where nothing is said: the variable, then the user's cache.
OFFCUT_CACHE_DIR="$PWD/home/named" run
[ -d home/named ] || fail "OFFCUT_CACHE_DIR is not looked at"
(unset OFFCUT_CACHE_DIR; XDG_CACHE_HOME="$PWD/home/xdg" run)
[ -d home/xdg/offcut ] || fail "XDG_CACHE_HOME is not looked at"
(unset OFFCUT_CACHE_DIR XDG_CACHE_HOME; HOME="$PWD/home" run)
[ -d home/.cache/offcut ] || fail "HOME is not looked at"
(unset XDG_CACHE_HOME HOME; OFFCUT_CACHE_DIR='' run)
OFFCUT_CACHE_DIR=none run
[ "$(warnings)" -eq 0 ] || fail "expected no warning: $(cat said)"

# Two at once.
rm -rf "$cache"
"$OFFCUT" run "$model" --input "$picture" --output a.npy --cache "$cache" > /dev/null 2> said.a &
run --cache "$cache"
wait $!
cmp a.npy first.npy
[ ! -s said.a ] || fail "expected nothing said: $(cat said.a)"
if find "$cache" -name '*.tmp' | grep .; then fail "a temporary file was left"; fi
