# SPDX-License-Identifier: Apache-2.0
# LiteRT's reference kernels judge every TensorFlow Lite model of the assets and of our own, over random inputs and
# real pictures: scripts/compare-litert.sh.
. "$SRC_DIR/tests/support/system.bash"

RUN_ROWS=$RUN_ROWS exec "$SRC_DIR/scripts/compare-litert.sh"
