#!/usr/bin/env bash
# Headers of rooms are included by bare name, so that the compiler finds only those of rooms below
# (docs/architecture.md). A path in the include would climb around that: refuse it.
set -euo pipefail
cd "$(dirname "$0")/.."

if grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^"]*/' runtime rpc host; then
    echo "include the header of a room by its bare name, a public one as <offcut/NAME.h>" >&2
    exit 1
fi
