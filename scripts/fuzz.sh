#!/usr/bin/env bash
# Fuzzes: builds the targets of tests/fuzz with libFuzzer, AddressSanitizer and UBSan, and lets each
# run. What it finds stays under build/fuzz/found/TARGET; a finding ends the script with its exit
# status.
#
#   scripts/fuzz.sh [--seconds N] [--seeds FOLDER] [--keep] [TARGET...]
#
# --seconds  per target (default 600)
# --seeds    inputs to begin with beside the corpus: FOLDER/TARGET/*, not committed
# --keep     afterwards make tests/fuzz/corpus/TARGET the smallest set of inputs that covers as much
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=600
seeds=
keep=
targets=()
while (($# > 0)); do
    case $1 in
        --seconds) seconds=$2 && shift ;;
        --seeds) seeds=$2 && shift ;;
        --keep) keep=yes ;;
        -*)
            sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
            exit 2
            ;;
        *) targets+=("$1") ;;
    esac
    shift
done
if ((${#targets[@]} == 0)); then
    for file in tests/fuzz/fuzz_*.c; do
        target=${file##*/fuzz_}
        targets+=("${target%.c}")
    done
fi

cmake --preset fuzz >/dev/null
cmake --build build/fuzz --target "${targets[@]/#/fuzz_}" -- --quiet

export LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp:print_suppressions=0
for target in "${targets[@]}"; do
    program=build/fuzz/tests/bin/fuzz_$target
    found=build/fuzz/found/$target
    work=build/fuzz/work/$target
    corpus=tests/fuzz/corpus/$target
    mkdir -p "$found" "$work" "$corpus"
    inputs=("$work" "$corpus")
    if [[ -n $seeds && -d $seeds/$target ]]; then
        inputs+=("$seeds/$target")
    fi
    options=(-artifact_prefix="$found/" -rss_limit_mb=2048 -timeout=20 -max_len=65536)
    if [[ -f tests/fuzz/$target.dict ]]; then
        options+=(-dict="tests/fuzz/$target.dict")
    fi
    echo "== $target: $seconds s"
    "$program" "${options[@]}" -max_total_time="$seconds" -print_final_stats=1 "${inputs[@]}" \
        2>"build/fuzz/$target.log" || {
        tail -40 "build/fuzz/$target.log" >&2
        echo "$target: a finding in $found" >&2
        exit 1
    }
    grep -E '^stat::number_of_executed_units|^#.*DONE' "build/fuzz/$target.log"
    if [[ -n $keep ]]; then
        merged=$(mktemp -d)
        "$program" "${options[@]}" -merge=1 "$merged" "$corpus" "$work" 2>>"build/fuzz/$target.log"
        # Small inputs only: the corpus is committed.
        rm -f "$corpus"/*
        find "$merged" -type f -size -17 -exec cp {} "$corpus/" \;
        rm -rf "$merged"
    fi
done
