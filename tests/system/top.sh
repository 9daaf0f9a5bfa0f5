# `offcut top`: one view of a laid-out board, stale and bounded values, JSON, workers that are there and not,
# and on a terminal a view that ends cleanly.
. "$SRC_DIR/tests/support/system.bash"

lay() { # PATH TEXT
    mkdir -p "$work/board/$(dirname "$1")"
    printf '%s\n' "$2" >"$work/board/$1"
}
lay sys/class/hwmon/hwmon3/name ina260_u14
lay sys/class/hwmon/hwmon3/power1_input 3280000
lay sys/class/thermal/thermal_zone0/type $'apu\e[31m'
lay sys/class/thermal/thermal_zone0/temp 41250
lay sys/class/thermal/thermal_zone1/type liar
lay sys/class/thermal/thermal_zone1/temp 999000
lay sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq 600000
lay sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq 1200000
lay proc/stat 'cpu0 1 2 3 4 5 6 7'
lay proc/meminfo $'MemTotal: 4096 kB\nMemAvailable: 1024 kB'

runs 0 "$OFFCUT" top --root "$work/board"
says '^  reading +source +value +share$' "$work/out"
says '^  power +ina260_u14 +3\.280 W$' "$work/out"
says '^  temperature +apu\?\[31m +41\.2 degC$' "$work/out"
says '^  temperature +liar +150\.0 degC +bounded: it cannot be so$' "$work/out"
says '^  memory available +memory +1\.0 MiB  \[#####               \]$' "$work/out"
says '^  cpu frequency +cpu0 +600 MHz  \[##########          \]$' "$work/out"
# No colours where no terminal is.
grep -q $'\e' "$work/out" && fail "escapes in a file"

runs 0 "$OFFCUT" top --root "$work/board" --once --json
is_json "$work/out"
says '"quantity": "power",' "$work/out"
says '"value": 3\.28,' "$work/out"
[[ $(grep -c '"bounded": true' "$work/out") -eq 1 ]] || fail "one reading is bounded"

# Documents come one after the other until nobody reads them; a source that goes away is stale.
"$OFFCUT" top --root "$work/board" --json --interval 50 >"$work/documents" 2>"$work/err" &
pid=$!
for ((i = 0; i < 200; i++)); do
    [[ $(grep -c '^}' "$work/documents") -lt 2 ]] || break
    sleep 0.05
done
rm -r "$work/board/sys/class/hwmon"
for ((i = 0; i < 200; i++)); do
    ! grep -q '"stale": true' "$work/documents" || break
    sleep 0.05
done
kill "$pid"
wait "$pid" 2>/dev/null || true
says '"stale": true' "$work/documents"

mkdir "$work/empty"
runs 0 "$OFFCUT" top --root "$work/empty"
says '^  no sensor says anything$' "$work/out"

start_worker --model "$lenet"
runs 0 "$OFFCUT" top --once --root "$work/board" --worker "$worker" --worker 127.0.0.1:1
says "^  worker +state +queue +run\+wt +load +memory +temp +age +rtt +up +down +lost$" "$work/out"
says "^  $worker +up +0\.0 ms +0\+0 .* 0$" "$work/out"
grep -q ' takes ' "$work/out" && fail "services of a worker that ran nothing"
says '^  127\.0\.0\.1:1 +down +- +- .* load not known  link assumed$' "$work/out"
runs 0 "$OFFCUT" top --once --json --worker "$worker"
is_json "$work/out"
says '"up": true' "$work/out"
says '"queue_ns": 0\.0' "$work/out"
says '"services": \[\]' "$work/out"

# What it ran it tells by and by.
runs 0 "$OFFCUT" run "$lenet" --input "$models/digits/0.png" --worker "$worker" --cut 3
for ((i = 0; i < 20; i++)); do
    runs 0 "$OFFCUT" top --once --root "$work/board" --worker "$worker"
    ! grep -q ' takes ' "$work/out" || break
done
says '^  worker +model +takes +gives +time +runs$' "$work/out"
says "^  $worker +lenet5 .* [0-9]+\.[0-9]{3} ms +[1-9][0-9]*$" "$work/out"
for ((i = 0; i < 20; i++)); do
    runs 0 "$OFFCUT" top --once --json --root "$work/board" --worker "$worker"
    ! grep -q '"runs": [1-9]' "$work/out" || break
done
is_json "$work/out"
says '"model": "lenet5",' "$work/out"
says '"compute_ns": [1-9]' "$work/out"
says '"runs": [1-9]' "$work/out"

refuses 1 'nonsense' "$OFFCUT" top --once --worker nonsense
refuses 1 'expected at most 8, found 9' "$OFFCUT" top --once $(printf -- '--worker 127.0.0.1:1 %.0s' {1..9})
refuses 1 "expected a folder, found none at '$work/absent'" "$OFFCUT" top --root "$work/absent"
refuses 2 'expected a whole number from 50 to' "$OFFCUT" top --interval 1

# On a terminal: a screen of its own, left again whatever ends it. `script` makes the terminal, and
# types what comes through the pipe, which has a writer as long as the test lives.
command -v script >/dev/null || exit 0
mkfifo "$work/keys"
exec 9<>"$work/keys"
show() { # LINES PATTERN: a view on a terminal of so many lines, until the pattern is there; sets $shell
    : >"$work/screen"
    TERM=xterm script -qefc \
        "stty rows $1 cols 120; echo \$\$ >'$work/pid'; exec '$OFFCUT' top --interval 50 --root '$work/board'" \
        "$work/screen" <&9 >/dev/null 2>&1 &
    shell=$!
    workers+=("$shell")
    for ((i = 0; i < 200; i++)); do
        ! grep -q "$2" "$work/screen" || break
        sleep 0.05
    done
}
live() { # WHAT COMMAND...: a view that is ended by the command
    local what=$1
    shift
    show 40 temperature
    "$@"
    wait "$shell" || fail "a view that is ended by $what leaves $?"
    unset 'workers[-1]'
    for sequence in '1049h' '25l' '7l' '7h' '25h' '1049l'; do
        grep -qF $'\e[?'"$sequence" "$work/screen" || fail "ended by $what: no $sequence"
    done
    says $'\e\\[31m  bounded: it cannot be so' "$work/screen"
}
live 'Ctrl-C' printf '\003' >&9
live 'q' printf q >&9
live 'SIGTERM' eval 'kill "$(cat "$work/pid")"'

# A line end on the last line would scroll: a terminal of n lines gets n - 1 of them at most.
for rows in 1 2 3 4 6; do
    show "$rows" 'offcut top'
    sleep 0.3
    printf q >&9
    wait "$shell" || fail "a view of $rows lines leaves $?"
    unset 'workers[-1]'
    ends=$(awk 'BEGIN { RS = "\033\\[H" } NR > 2 { n = gsub("\n", "", last); if (n > most) most = n }
        { last = $0 } END { print most + 0 }' "$work/screen")
    [[ $ends -eq $((rows - 1)) ]] || fail "a view of $rows lines has $ends line ends"
done
