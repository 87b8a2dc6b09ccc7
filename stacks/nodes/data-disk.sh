#!/bin/sh
# data-disk prepare|check|mount|unmount: the disk that K3s, models and results lie on. What it is told stands in
# /etc/bramble/data-disk.conf: DEVICE, SITE, NODE, ERASE (yes or no). It formats a blank disk, or any that it is told to
# erase, and never one that is a Bramble data disk already.
set -eu
export LC_ALL=C
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
# All four are set there; another file, and another place than /, only in tests.
DEVICE='' SITE='' NODE='' ERASE=no
# shellcheck source=/dev/null
. "${BRAMBLE_DATA_DISK_CONF:-/etc/bramble/data-disk.conf}"
base=${BRAMBLE_DATA_DISK_BASE:-}

mount_point=$base/srv/bramble
marker=bramble-data-disk
label=bramble-data
# What lies on the disk: its directory there, and where the node sees it.
places="rancher:$base/var/lib/rancher models:$base/var/lib/bramble/models results:$base/var/lib/bramble/results"

fail() {
  echo "$1" >&2
  exit 1
}

# A USB disk may come seconds after the rest of the board.
wait_for_device() {
  waited=0
  until [ -b "$DEVICE" ]; do
    [ "$waited" -lt "${BRAMBLE_DATA_DISK_PATIENCE:-30}" ] || fail "there is no disk $DEVICE: plug it in, or correct dataDisk.device"
    sleep 1
    waited=$((waited + 1))
  done
}

# "<site> <node>" of a Bramble data disk, or nothing. Without mounting: that may write.
read_marker() { debugfs -R "cat /$marker" "$DEVICE" 2>/dev/null || true; }

is_ours() { [ "$(read_marker)" = "$SITE $NODE" ]; }

# The file system's and partition table's signatures on the disk, one a line; blank if there is none.
read_signatures() {
  found=$(wipefs --no-act --noheadings --output TYPE,LABEL,UUID "$DEVICE") || fail "cannot read $DEVICE"
  [ -n "$found" ] || found=$(blkid -p -o value -s TYPE "$DEVICE") || [ $? -eq 2 ] || found='something that blkid cannot name'
  echo "$found" | sed 's/  */ /g; s/ $//; /^$/d'
}

# Places with something in them on the card: it would vanish from sight under the disk.
find_hidden_data() {
  for place in $places; do
    target=${place#*:}
    if ! mountpoint -q "$target" && [ -n "$(ls -A "$target" 2>/dev/null)" ]; then
      echo "$target"
    fi
  done
}

prepare() {
  wait_for_device
  hidden=$(find_hidden_data | paste -sd, | sed 's/,/, /g')
  [ -z "$hidden" ] || fail "$hidden on the card would vanish from sight under the data disk: move what is in it away, or write the node's card again (generation + 1)"
  if is_ours; then return 0; fi
  other=$(read_marker)
  case "$other" in
    '') ;;
    "$SITE "*) fail "$DEVICE is the data disk of ${other#* } in this site, not of $NODE: put the right disk in, or wipe it by hand (wipefs --all)" ;;
    *) [ "$ERASE" = yes ] || fail "$DEVICE is the data disk of ${other#* } in site ${other%% *}: put the right disk in, or set dataDisk.erase" ;;
  esac
  found=$(read_signatures)
  if [ -n "$found" ] && [ "$ERASE" != yes ]; then
    fail "$DEVICE is not blank, it holds $(echo "$found" | paste -sd, | sed 's/,/, /g'): put the right disk in, or set dataDisk.erase to format it"
  fi
  # Refuses a disk that is in use: the system's own, or one that is mounted.
  wipefs --all --quiet "$DEVICE"
  content=$(mktemp -d)
  trap 'rm -rf "$content"' EXIT
  # With the file system and not after it: a power cut leaves a disk that is ours and whole, or a blank one.
  echo "$SITE $NODE" >"$content/$marker"
  mkfs.ext4 -q -F -L "$label" -d "$content" "$DEVICE"
  sync
}

mount_all() {
  wait_for_device
  is_ours || fail "$DEVICE is not the data disk of $NODE in site $SITE; K3s is not started on the card instead"
  if ! mountpoint -q "$mount_point"; then
    status=0
    e2fsck -p "$DEVICE" || status=$?
    # 1: repaired (e2fsck(8)).
    [ "$status" -le 1 ] || fail "the file system on $DEVICE needs a person: e2fsck $DEVICE"
    mkdir -p "$mount_point"
    mount -t ext4 -o noatime "$DEVICE" "$mount_point"
  fi
  for place in $places; do
    directory=$mount_point/${place%%:*} target=${place#*:}
    mkdir -p "$directory" "$target"
    mountpoint -q "$target" || mount --bind "$directory" "$target"
  done
}

unmount_all() {
  for place in $places; do
    target=${place#*:}
    if mountpoint -q "$target"; then umount "$target"; fi
  done
  if mountpoint -q "$mount_point"; then umount "$mount_point"; fi
  rmdir "$mount_point" 2>/dev/null || true
}

case "${1:-}" in
  prepare) prepare ;;
  check) is_ours && [ -z "$(find_hidden_data)" ] ;;
  mount) mount_all ;;
  unmount) unmount_all ;;
  *) fail "data-disk prepare|check|mount|unmount" ;;
esac
