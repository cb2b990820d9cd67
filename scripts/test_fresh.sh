#!/bin/sh
# Run the README's first command, `make run`, as a new user on a fresh Debian until the playground listens.
#
#   sh scripts/test_fresh.sh [SUITE] [FOLDER]    as root, with debootstrap; bookworm and a temporary folder by default
#
# The folder is a small Debian of its own, into which debootstrap puts python3, python3-venv and make. pip there uses
# the settings and certificates of this machine; FRESH_BIND names folders to show there, such as one with packages.
# The folder is deleted at the end, unless you named it.
set -eu
suite=${1:-bookworm}
root=${2:-$(mktemp -d /var/tmp/herosmith-fresh.XXXXXX)}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
checkout=$(cd "$(dirname "$0")/.." && pwd)

[ "$(id -u)" = 0 ] || { echo "test-fresh needs root, for chroot"; exit 2; }
command -v debootstrap >/dev/null || { echo "test-fresh needs debootstrap: apt-get install debootstrap"; exit 2; }

finish() {
    for folder in ${FRESH_BIND:-}; do umount "$root$folder" 2>/dev/null || true; done
    umount "$root/proc" 2>/dev/null || true
    umount "$root/dev" 2>/dev/null || true
    [ -n "${2:-}" ] || rm -rf --one-file-system "$root" "$root.log"
}
trap 'finish "$@"' EXIT

echo "making a Debian $suite in $root ..."
debootstrap --variant=minbase --include=python3,python3-venv,make,libgomp1,ca-certificates \
    "$suite" "$root" "$mirror" >"$root.log" 2>&1 || { tail -20 "$root.log"; exit 1; }
chmod 755 "$root"  # mktemp lets nobody else in
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
for folder in ${FRESH_BIND:-}; do
    mkdir -p "$root$folder" && mount --bind "$folder" "$root$folder" && mount -o remount,ro,bind "$root$folder"
done
cp /etc/resolv.conf "$root/etc/" 2>/dev/null || true
for file in /etc/pip.conf /etc/xdg/pip/pip.conf /etc/xdg/pip/constraints.txt /etc/ssl/certs/ca-certificates.crt; do
    [ ! -e "$file" ] || { mkdir -p "$root$(dirname "$file")" && cp "$file" "$root$file"; }
done
chroot "$root" useradd --create-home somebody
mkdir "$root/home/somebody/herosmith"
(cd "$checkout" && git ls-files -z | tar --null --files-from=- --create) | tar --extract -C "$root/home/somebody/herosmith"
chroot "$root" chown -R somebody /home/somebody/herosmith

echo "make run ..."
started=$(date +%s)
log=$root/home/somebody/run.log
chroot --userspec=somebody:somebody "$root" env HOME=/home/somebody CI=1 PATH=/usr/bin:/bin \
    sh -c 'cd ~/herosmith && exec make run' >"$log" 2>&1 &
make=$!
while ! grep -q "^Open: \|Open: http" "$log"; do
    if ! kill -0 "$make" 2>/dev/null || [ $(($(date +%s) - started)) -gt "${FRESH_SECONDS:-1800}" ]; then
        echo "the playground does not listen:"
        tail -30 "$log"
        exit 1
    fi
    sleep 2
done
echo "the playground listens after $(($(date +%s) - started)) s:"
grep "Open: " "$log"
kill "$make"  # make ends what it runs
wait "$make" || true
