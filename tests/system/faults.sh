# SPDX-License-Identifier: Apache-2.0
# Sessions live through everything that can happen to a worker and its link, at random moments: the right bits or,
# where the edge may not or cannot run the tail, a named error; always by the deadline; nothing leaks. tests/long has more.
. "$SRC_DIR/tests/support/system.bash"
"$GENERATE_MODELS" "$work"
campaign --runs 100 "$FAULTY_WORKER" "$LINK_PROXY" "$lenet" "$work/residual.onnx" "$work/concat.onnx"
campaign --runs 30 --no-tail "$FAULTY_WORKER" "$LINK_PROXY" "$lenet" "$work/residual.onnx"
