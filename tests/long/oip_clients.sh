# SPDX-License-Identifier: Apache-2.0
# Public clients use the worker as a model server: the Python client of the Open Inference Protocol
# that others ship, and gRPC's own health client. They are fetched; without Python or a package
# index the test is skipped.
. "$SRC_DIR/tests/support/system.bash"

skip() {
    echo "SKIP: $*"
    exit 77
}

command -v python3 >/dev/null || skip "no python3"
python3 -m venv "$work/venv" >/dev/null 2>&1 || skip "python3 has no venv"
"$work/venv/bin/pip" -q --disable-pip-version-check install \
    'tritonclient[grpc]==2.73.0' 'grpcio-health-checking==1.81.1' >"$work/pip" 2>&1 ||
    skip "pip could not install tritonclient: $(tail -n 1 "$work/pip")"

start_worker --model lenet="$lenet"
"$work/venv/bin/python" "$SRC_DIR/tests/long/oip_clients.py" "$worker" "$models"
