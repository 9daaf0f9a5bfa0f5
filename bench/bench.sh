#!/usr/bin/env bash
# Runs bench/run.py with the engines of bench/requirements.txt, which come into build/bench/venv at the first use.
#
#   bench/bench.sh [OPTION of bench/run.py]...      --help shows them
set -euo pipefail
cd "$(dirname "$0")/.."

venv=build/bench/venv
if ! cmp -s bench/requirements.txt "$venv/requirements.txt"; then
    echo "bench: installing the engines into $venv" >&2
    mkdir -p build/bench
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" -q --disable-pip-version-check install -r bench/requirements.txt
    "$venv/bin/pip" -q --disable-pip-version-check uninstall -y openvino-telemetry # nobody's use is reported to anyone
    cp bench/requirements.txt "$venv/requirements.txt"
fi
exec "$venv/bin/python" bench/run.py "$@"
