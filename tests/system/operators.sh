# SPDX-License-Identifier: Apache-2.0
# docs/operators.md is what the tables say.
. "$SRC_DIR/tests/support/system.bash"

runs 0 "$OFFCUT" operators --markdown
diff -u "$SRC_DIR/docs/operators.md" "$work/out" ||
    fail "docs/operators.md is old: offcut operators --markdown >docs/operators.md"
runs 0 "$OFFCUT" operators
says '^ *conv2d +float32' "$work/out"
runs 0 "$OFFCUT" operators --json
is_json "$work/out"
says '"name": "conv2d"' "$work/out"
says '"Conv"' "$work/out"
says '"splittable": "yes"' "$work/out"
