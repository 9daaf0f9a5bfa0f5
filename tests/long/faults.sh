# SPDX-License-Identifier: Apache-2.0
# The whole fault campaign: 1,000 runs whose answers are all right, and 100 whose edge may not or cannot run the tail.
. "$SRC_DIR/tests/support/system.bash"
"$GENERATE_MODELS" "$work"
campaign --runs 1000 "$FAULTY_WORKER" "$LINK_PROXY" "$lenet" "$work/residual.onnx" "$work/concat.onnx"
campaign --runs 100 --no-tail "$FAULTY_WORKER" "$LINK_PROXY" "$lenet" "$work/residual.onnx"
