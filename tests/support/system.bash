# SPDX-License-Identifier: Apache-2.0
# What the system tests of the command share:  . "$SRC_DIR/tests/support/system.bash"
#
# $work is a folder of the test's own; workers that were started with start_worker end with the test.
models=$SRC_DIR/tests/models
lenet=$models/lenet5.tflite
work=$(mktemp -d)
workers=()

clean_up() {
    local pid
    for pid in "${workers[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap clean_up EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# says PATTERN FILE: an extended regular expression that some line of the file must match.
says() {
    grep -qE -- "$1" "$2" || {
        cat "$2" >&2
        fail "expected a line like: $1"
    }
}

# runs STATUS COMMAND...: the exit status that it must have. Leaves $work/out and $work/err.
runs() {
    local expected=$1 status=0
    shift
    "$@" >"$work/out" 2>"$work/err" || status=$?
    [[ $status -eq $expected ]] || {
        cat "$work/out" "$work/err" >&2
        fail "exit status $status instead of $expected: $*"
    }
}

# refuses STATUS PATTERN COMMAND...: it must fail, print nothing, and say why in one line of stderr.
refuses() {
    local status=$1 pattern=$2
    shift 2
    runs "$status" "$@"
    [[ ! -s $work/out ]] || fail "printed in spite of failing: $*"
    [[ $(wc -l <"$work/err") -eq 1 ]] || {
        cat "$work/err" >&2
        fail "expected one line on stderr: $*"
    }
    says "$pattern" "$work/err"
}

# start_worker ARGUMENTS...: a worker on a free port; sets $worker (HOST:PORT) and $worker_pid.
start_worker() {
    local log=$work/worker${#workers[@]}
    : >"$log"
    "$OFFCUT" worker --listen 127.0.0.1:0 "$@" >"$log" 2>&1 &
    worker_pid=$!
    workers+=("$worker_pid")
    for ((i = 0; i < 600; i++)); do
        worker=$(sed -n 's/^listening on //p' "$log")
        [[ -z $worker ]] || return 0
        kill -0 "$worker_pid" 2>/dev/null || break
        sleep 0.05
    done
    cat "$log" >&2
    fail "the worker did not start: $*"
}

# is_json FILE: whole by a JSON reader, where the machine has one.
is_json() {
    if command -v python3 >/dev/null; then
        python3 -m json.tool "$1" >/dev/null || fail "no JSON: $1"
    fi
    [[ $(head -c 1 "$1") == "{" && $(tail -n 1 "$1") == "}" ]] || fail "no JSON document: $1"
}

# campaign ARGUMENTS...: of tests/support/fault_campaign.c. $FAULT_SEED repeats one that failed. How late a run may end is
# for the scheduler of a machine that runs other tests beside.
campaign() {
    "$FAULT_CAMPAIGN" ${FAULT_SEED:+--seed "$FAULT_SEED"} "$@" >"$work/out" 2>"$work/err" || {
        tail -n 40 "$work/out" >&2
        cat "$work/err" >&2
        fail "the fault campaign: $*"
    }
    cat "$work/out"
}
