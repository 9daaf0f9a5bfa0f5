#!/usr/bin/env bash
# Proves that a bare Debian 12 is enough: makes one in a temporary folder (only git, make and
# ca-certificates beyond apt), puts this checkout into it and runs a target of the Makefile there.
# A tool for developers, as root, with mmdebstrap; .ci/run does not use it.
#
#   scripts/bare-debian.sh [options] [TARGET...]      TARGET: demo, test (the default), ...
#     --shared     bind-mount ../shared beside the checkout, read-only; without it tests skip
#     --commit     clone what is committed; otherwise the files as they lie here are copied
#     --user       run as an ordinary user with sudo, not as root
#     --keep       leave the folder behind and print its name
#
# apt inside is set up as apt outside is (sources of Debian, proxy, certificates): copied, never
# written down here.
set -euo pipefail
cd "$(dirname "$0")/.."

shared=no commit=no user=no keep=no targets=()
for arg in "$@"; do
    case $arg in
        --shared) shared=yes ;;
        --commit) commit=yes ;;
        --user) user=yes ;;
        --keep) keep=yes ;;
        -*)
            sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
            exit 2
            ;;
        *) targets+=("$arg") ;;
    esac
done
((${#targets[@]})) || targets=(test)

if ((EUID != 0)) || ! command -v mmdebstrap >/dev/null; then
    echo "$0: needs root and the package mmdebstrap" >&2
    exit 1
fi
if [[ $shared == yes && ! -d ../shared ]]; then
    echo "$0: there is no ../shared to mount" >&2
    exit 1
fi
if [[ ${OFFCUT_BARE_DEBIAN:-} != inside ]]; then
    # A mount namespace of our own: every mount below is gone when this ends, however it ends.
    OFFCUT_BARE_DEBIAN=inside exec unshare --mount --pid --fork --kill-child -- "$0" "$@"
fi

# Debian's own sources: sources.list and whatever in sources.list.d is signed by Debian's keyring.
sources=()
[[ -s /etc/apt/sources.list ]] && sources+=(/etc/apt/sources.list)
while read -r file; do
    sources+=("$file")
done < <(grep -l 'debian-archive-keyring' /etc/apt/sources.list.d/* 2>/dev/null || true)

packages=git,make,ca-certificates
[[ $user == yes ]] && packages+=,sudo
# TMPDIR says where, if /tmp is too small or (for --user) mounted nosuid.
root=$(mktemp -d "${TMPDIR:-/tmp}/offcut-bare.XXXXXX")
cleanup() {
    local place
    for place in proc sys dev srv/shared; do
        if mountpoint -q "$root/$place"; then
            umount --recursive --lazy "$root/$place"
        fi
    done
    if [[ $keep == yes ]]; then
        echo "kept: $root"
    else
        rm -rf --one-file-system "$root"
    fi
}
trap cleanup EXIT

copy_in() {
    local file
    for file in "$@"; do
        if [[ -e $file ]]; then
            mkdir -p "$root$(dirname "$file")"
            cp -rL "$file" "$root$(dirname "$file")/"
        fi
    done
}

apt_options=()
while read -r line; do
    apt_options+=(--aptopt="$line")
done < <(apt-config dump | grep -E '^Acquire::(http|https|Check-|Retries)' | grep -v ' "";$' | sed 's/;$//')
mmdebstrap --quiet --variant=apt --include="$packages" "${apt_options[@]}" bookworm "$root" "${sources[@]}"
copy_in /etc/resolv.conf /etc/hosts /etc/apt/apt.conf.d /etc/apt/auth.conf.d \
    /usr/local/share/ca-certificates
chroot "$root" update-ca-certificates >/dev/null 2>&1

# The checkout.
if [[ $commit == yes ]]; then
    git clone -q "$PWD" "$root/srv/offcut"
else
    mkdir -p "$root/srv/offcut"
    git ls-files -co --exclude-standard -z | tar --null -T - --ignore-failed-read -cf - | tar -C "$root/srv/offcut" -xf -
fi

mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
if [[ $shared == yes ]]; then
    mkdir -p "$root/srv/shared"
    mount --bind ../shared "$root/srv/shared"
    mount -o remount,bind,ro "$root/srv/shared"
fi

as=(env -i HOME=/root)
if [[ $user == yes ]]; then
    chroot "$root" useradd -m dev
    echo 'dev ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/dev"
    chroot "$root" chown -R dev /srv/offcut
    as=(setpriv --reuid=dev --regid=dev --init-groups env -i HOME=/home/dev)
fi
echo "bare Debian $(cat "$root/etc/debian_version"): make ${targets[*]}"
chroot "$root" "${as[@]}" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 make -C /srv/offcut "${targets[@]}"
