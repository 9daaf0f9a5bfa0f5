# SPDX-License-Identifier: Apache-2.0
# Every operator's cases under oclgrind, which sees each access of each work-item: nothing outside a
# buffer, no race; and the reference's bits.
# Without optimisation, since its interpreter does not know all that the optimiser writes.
. "$SRC_DIR/tests/support/system.bash"
if ! command -v oclgrind >/dev/null; then
    echo "SKIP: no oclgrind (a Debian package)"
    exit 77
fi
oclgrind --build-options -cl-opt-disable --check-api --data-races --log "$work/complaints" \
    "$OP_GRIND" oclgrind >"$work/out" 2>"$work/err" || {
    tail -n 5 "$work/err" >&2
    tail -n 40 "$work/complaints" "$work/out" >&2
    fail "a case above"
}
if [[ -s $work/complaints ]]; then
    head -60 "$work/complaints" >&2
    fail "$(grep -c . "$work/complaints") lines of complaints"
fi
cat "$work/out"
