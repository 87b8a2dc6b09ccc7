#!/bin/bash
# One board of the twin, from power on to power off. Started by node.ts as `boot-node.sh` in a control group and a mount
# namespace of its own: what is mounted here goes when the last process goes, however that happens. Ends when the node is
# powered off; a reboot stays inside. SIGTERM is the power button.
#
# NODE            the host name that the firmware gives; the seed sets the real one
# CARD            the card image; BOOT_OFFSET ROOT_OFFSET ROOT_SIZE: its partitions, in bytes
# DIRECTORY       of this node: holds root/ (mount point), board/ (files shown to the node), link-cut (a mark: the cable
#                 is pulled), data-disk.img (a disk that is plugged in)
# NETWORK         file of the twin's network namespace; PORT: the interface's name there; MAC: the board's address
# MEMORY_KB       memory that the board has
# CGROUPS         directories of the control group that this runs in, one in each hierarchy
# NODE_CGROUP     v2 only: the group that the node is to run in; empty with v1
set -euo pipefail

export MTOOLS_SKIP_CHECK=1
root=$DIRECTORY/root
firmware=$root/boot/firmware
boot_partition=$(dirname "$0")/boot-partition.py
boot_notes=$DIRECTORY/boot-partition.json
container=
disk=
trap 'if [ -n "$container" ]; then kill -TERM "$container"; fi' TERM

insert_card() {
  local device status=0
  device=$(losetup --find --show --offset "$ROOT_OFFSET" --sizelimit "$ROOT_SIZE" "$CARD")
  # As fsck.repair=yes does on a board. 1: repaired.
  e2fsck -p "$device" || status=$?
  [ "$status" -le 1 ] || return "$status"
  mount -o noatime "$device" "$root"
  # In use as it is, this makes the kernel detach it after the last umount.
  losetup --detach "$device"
  # The kernel may have no vfat: the boot partition's files are copied in here and, when changed, back to the card. Once a
  # system has booted its own copy is the newer one, after a power cut too; a card written anew begins without. As on a
  # board, a power cut does not take from these files what was on the card: they are there whole and for good, or not yet.
  if [ -z "$(ls -A "$firmware")" ]; then
    rm -rf "$firmware.new" "$boot_notes" && mkdir "$firmware.new"
    python3 "$boot_partition" take-out "$CARD" "$BOOT_OFFSET" "$firmware.new" "$boot_notes"
    sync --file-system "$root"
    rmdir "$firmware" && mv "$firmware.new" "$firmware"
    sync --file-system "$root"
  fi
  write_back_boot_partition
}

write_back_boot_partition() {
  python3 "$boot_partition" write-back "$CARD" "$BOOT_OFFSET" "$firmware" "$boot_notes"
}

# What the node reads in /proc/meminfo and /proc/cmdline. The figures stand still while the node runs.
describe_board() {
  mkdir -p "$DIRECTORY/board"
  awk -v total="$MEMORY_KB" '
    /^(Buffers|Cached|SReclaimable|Swap.*):/ { $2 = 0 }
    /^(MemFree|MemAvailable):/ { $2 = int(total * 15 / 16) }
    $3 == "kB" && $2 > total { $2 = total }
    { printf "%-16s%8s %s\n", $1, $2, $3 }' /proc/meminfo > "$DIRECTORY/board/meminfo"
  cat "$firmware/cmdline.txt" > "$DIRECTORY/board/cmdline"
}

# The board's network card: a pair of interfaces between a new namespace and the twin's bridge. The namespace is held by a
# process, not by a name, so nothing of it can be left behind.
plug_in_network() {
  unshare --net sleep infinity &
  network_holder=$!
  until [ "$(readlink "/proc/$network_holder/ns/net" || true)" != "$(readlink /proc/self/ns/net)" ] \
    && [ "$(cat "/proc/$network_holder/comm")" = sleep ]; do sleep 0.01; done
  nsenter --net="$NETWORK" sh -ec '
    ip link delete "$1" 2> /dev/null || true
    ip link add "$1" type veth peer name eth0 address "$2" netns "$3"
    ip link set "$1" master bridge
    if [ ! -e "$4" ]; then ip link set "$1" up; fi' sh "$PORT" "$MAC" "$network_holder" "$DIRECTORY/link-cut"
}

# The name is that of data-disk.ts. The device stays ours over reboots, and is detached by stopNode.
plug_in_disk() {
  [ -e "$DIRECTORY/data-disk.img" ] || return 0
  disk=$(losetup --noheadings --output NAME --associated "$DIRECTORY/data-disk.img" | head -n 1)
  if [ -z "$disk" ]; then disk=$(losetup --find --show "$DIRECTORY/data-disk.img"); fi
}

run_node() {
  local arguments status=0 devices=()
  if [ -n "$disk" ]; then devices+=(--bind="$disk:/dev/disk/by-id/usb-twin-$NODE"); fi
  if [ -e /dev/kmsg ]; then devices+=(--bind=/dev/kmsg); fi # the kubelet's OOM watcher reads it
  # There is one clock for all of this machine: no node may set it.
  # systemd and cloud-init look for kernel arguments in pid 1's own where they run in a container.
  read -ra arguments < "$firmware/cmdline.txt"
  (
    if [ -n "$NODE_CGROUP" ]; then mkdir -p "$NODE_CGROUP" && echo "$BASHPID" > "$NODE_CGROUP/cgroup.procs"; fi
    export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
    exec systemd-nspawn --quiet --directory="$root" --machine="$NODE" --boot --register=no --keep-unit \
      --network-namespace-path="/proc/$network_holder/ns/net" --capability=all --drop-capability=CAP_SYS_TIME \
      --system-call-filter='add_key keyctl bpf' --console=read-only --resolv-conf=off --timezone=off --link-journal=no \
      --bind-ro="$DIRECTORY/board:/run/board" "${devices[@]}" "${arguments[@]}" systemd.show_status=true
  ) < /dev/null &
  container=$!
  # wait returns early when the power button is pressed.
  while kill -0 "$container" 2> /dev/null; do
    status=0
    wait "$container" || status=$?
  done
  container=
  return "$status"
}

# What is left of the node's own groups would cost the next kubelet seconds each, and nspawn trips over some of them.
remove_empty_cgroups() {
  # shellcheck disable=SC2086 # a list of paths without blanks
  find $CGROUPS -mindepth 1 -depth -type d -exec rmdir {} \; 2> /dev/null || true
}

mkdir -p "$root" /run/systemd/nspawn
# nspawn refuses to clean up its propagation directory, and then to boot again, unless it lies on a tmpfs.
mount -t tmpfs -o mode=0755 tmpfs /run/systemd/nspawn

while :; do
  insert_card
  describe_board
  plug_in_network
  plug_in_disk
  status=0
  run_node || status=$?
  kill "$network_holder"
  wait "$network_holder" 2> /dev/null || true
  write_back_boot_partition
  umount "$root"
  remove_empty_cgroups
  # With --keep-unit nspawn answers a reboot with 133 and leaves the rest to its caller.
  [ "$status" = 133 ] || break
  echo "== reboot =="
done
if [ -n "$disk" ]; then losetup --detach "$disk"; fi
exit "$status"
