#!/usr/bin/env bash
# Installs the Debian 12 packages that offcut needs and that are missing. Says nothing and needs no
# root when none is.
#
#   scripts/install-deps.sh         to build, run and test
#   scripts/install-deps.sh --ci    and what .ci/run needs beyond that
#   scripts/install-deps.sh --long  and what the long tests need beyond that
#   scripts/install-deps.sh --bench and what make bench needs beyond that
set -euo pipefail

packages=(
    # build
    gcc libc6-dev cmake ninja-build pkg-config make
    # libraries (docs/adr/0002-dependencies.md)
    ocl-icd-opencl-dev opencl-headers
    libgrpc-dev libprotobuf-c-dev protobuf-c-compiler
    libcyaml-dev libyaml-dev libjansson-dev
    zlib1g-dev libpng-dev libjpeg62-turbo-dev libssl-dev
    # run: an OpenCL device that every machine has
    pocl-opencl-icd
    # test
    libcmocka-dev xz-utils
)

for arg in "$@"; do
    case $arg in
        --ci) packages+=(git clang libclang-rt-14-dev clang-format) ;;
        --long) packages+=(oclgrind python3-venv) ;;
        --bench) packages+=(python3-venv) ;;
        *)
            echo "usage: $0 [--ci] [--long] [--bench]" >&2
            exit 2
            ;;
    esac
done

if ! command -v dpkg-query >/dev/null; then
    echo "$0: this is no Debian. Needed: ${packages[*]}" >&2
    exit 1
fi

# The missing ones: all that dpkg does not report as installed.
mapfile -t missing < <(
    comm -23 <(printf '%s\n' "${packages[@]}" | sort -u) \
        <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null |
            sed -n 's/^installed //p' | sort -u)
)
if ((${#missing[@]} == 0)); then
    exit 0
fi

as_root=()
if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
        echo "$0: neither root nor sudo. As root: apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi

apt_install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends "${missing[@]}"
}

echo "installing: ${missing[*]}"
# Package lists may be absent or too old; only then they are fetched. A simulation shows the former
# without root, a failed download the latter.
if ! apt-get install -s -qq --no-install-recommends "${missing[@]}" >/dev/null 2>&1 || ! apt_install; then
    "${as_root[@]}" apt-get update -q
    apt_install
fi
