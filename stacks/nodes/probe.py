"""Reads a node and changes nothing: facts, the card's stamp, K3s's health, and what lies where phases installed files.

Missing is null: a board without a sensor, a container without a boot disk. Runs as root on the node, with few processes:
each costs a Pi some 10 ms.
"""

import base64
import datetime
import glob
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import time

from managed import seen_records

# What stands before each path and program; another directory only in tests.
root = ""

# Kernel, admin-guide/cgroup-v1: the rest of a hierarchy's mount options are not controllers.
V1_CONTROLLERS = (
    "cpuset cpu cpuacct blkio memory devices freezer net_cls perf_event net_prio hugetlb pids rdma misc".split()
)


def main(payload):
    global root
    root = payload.get("root", "")
    print(
        json.dumps(
            {
                "machine": read("/etc/machine-id"),
                "stamp": stamp(payload["stamp"]),
                "facts": facts(),
                "health": health(),
                "records": seen_records(payload["records"]),
            }
        )
    )


def facts():
    disk, kind = boot_disk()
    return {
        "serial": device_tree_text("serial-number"),
        "model": device_tree_text("model"),
        "memoryMegabytes": memory_megabytes(),
        "architecture": platform.machine() or None,
        "kernel": platform.release() or None,
        "pageSize": os.sysconf("SC_PAGE_SIZE"),
        "cpus": os.cpu_count(),
        "cgroup": cgroup(),
        "bootDisk": disk,
        "bootDiskKind": kind,
        "eepromDate": eeprom_date(),
        "bootOrder": boot_order(),
        "supplyMilliamps": device_tree_number("chosen/power/max_current"),
        "clusterAuthority": cluster_authority(),
        "virtualization": (output("systemd-detect-virt") or "").strip() or None,
    }


def health():
    return {
        "clock": time.time(),
        "boot": boot_identity(),
        "throttled": throttled(),
        "supplyWarnings": supply_warnings(),
        "booted": booted(),
        "rebootNeeded": (read("/run/bramble/reboot-needed") or "").splitlines(),
        "k3s": k3s_state(),
    }


def booted():
    """cloud-init leaves its result behind when its last stage ends; it may restart sshd before."""
    if not exists("/run/cloud-init") or exists("/run/cloud-init/disabled"):
        return None
    return exists("/run/cloud-init/result.json")


def boot_identity():
    """What is another after each boot. A container has its host's boot id: its first process's start time tells."""
    boot_id = read("/proc/sys/kernel/random/boot_id")
    # proc(5): the name in the second field may hold blanks and brackets; the start time is the 22nd.
    fields = (read("/proc/1/stat") or "").rpartition(")")[2].split()
    return "%s.%s" % (boot_id, fields[19]) if boot_id and len(fields) > 19 else None


def stamp(path):
    text = read(path)
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return None


def cgroup():
    """Version, controllers, and whether memory can be limited: without that controller K3s does not start.

    Not from /proc/cgroups: on v2 it lists controllers that the kernel command line has switched off.
    """
    controllers = read("/sys/fs/cgroup/cgroup.controllers")
    if controllers is not None:
        names, version = controllers.split(), 2
    else:
        options = [fields[3].split(",") for fields in mounts() if fields[2] == "cgroup"]
        if not options:
            return None
        names, version = [name for name in V1_CONTROLLERS if any(name in each for each in options)], 1
    return {"version": version, "memory": "memory" in names, "controllers": sorted(names)}


def boot_disk():
    """The device of the root file system, and what it is on: sd, emmc, nvme, usb, or null."""
    device = next((fields[0] for fields in mounts() if fields[1] == "/" and fields[0].startswith("/dev/")), None)
    if device is None:
        return None, None
    # /dev/root is no device: the mount's number names the one that it is (proc(5), mountinfo).
    number = next(
        (fields[2] for fields in lines_of("/proc/self/mountinfo") if len(fields) > 4 and fields[4] == "/"), "0:0"
    )
    at = os.path.realpath(root + "/sys/dev/block/" + number)
    if not os.path.isdir(at):
        return device, None
    name = "/dev/" + os.path.basename(at)
    if "/nvme" in at:
        return name, "nvme"
    if "/mmc" in at:
        return name, "emmc" if read("/sys/block/%s/device/type" % disk_of(name)) == "MMC" else "sd"
    return name, "usb" if "/usb" in at else None


def disk_of(device):
    return re.sub(r"p\d+$", "", os.path.basename(device))


def mounts():
    return [fields for fields in lines_of("/proc/mounts") if len(fields) > 3]


def lines_of(path):
    return [line.split() for line in (read(path) or "").splitlines()]


def memory_megabytes():
    match = re.search(r"^MemTotal:\s+(\d+) kB", read("/proc/meminfo") or "", re.M)
    return int(match.group(1)) // 1024 if match else None


def eeprom_date():
    """The day on which the boot loader in the EEPROM was built.

    From the device tree as the boot loader itself fills it in (raspberrypi.com/documentation, config.txt, "Device Tree
    properties", chosen/bootloader); boards whose boot loader is older say it through vcgencmd only. Not measured here.
    """
    seconds = device_tree_number("chosen/bootloader/build-timestamp")
    if seconds is None:
        match = re.search(r"^timestamp (\d+)", output("vcgencmd", "bootloader_version") or "", re.M)
        seconds = int(match.group(1)) if match else 0
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).date().isoformat() if seconds else None


def boot_order():
    """Where the boot loader looks for a system, its digits read from the right: 1 SD, 4 USB, 6 NVMe, f again.

    (raspberrypi.com/documentation, BOOT_ORDER.) Null where its configuration leaves the default. Not measured here.
    """
    match = re.search(r"^BOOT_ORDER=(0x[0-9a-fA-F]+)", output("vcgencmd", "bootloader_config") or "", re.M)
    return match.group(1).lower() if match else None


def throttled():
    """The firmware's word on under-voltage and throttling, as an integer of bits."""
    match = re.search(r"0x([0-9a-fA-F]+)", output("vcgencmd", "get_throttled") or "")
    return int(match.group(1), 16) if match else None


def supply_warnings():
    """What firmware and kernel say of the power supply at the moment; null where neither says anything.

    The voltage is what raspberrypi-hwmon last polled, every 2 s (kernel, drivers/hwmon/raspberrypi-hwmon.c). Not measured here.
    """
    alarm = None
    for name in glob.glob(root + "/sys/class/hwmon/hwmon*/name"):
        if read(name[len(root) :]) == "rpi_volt":
            alarm = read(os.path.dirname(name)[len(root) :] + "/in0_lcrit_alarm")
    over_current = device_tree_number("chosen/power/usb_over_current_detected")
    if alarm is None and over_current is None:
        return None
    return [word for word, seen in (("under-voltage", alarm == "1"), ("usb-over-current", over_current)) if seen]


def cluster_authority():
    """SHA-256 of the certificate (DER) of the authority whose cluster this node is in, from K3s's own files."""
    for path in ("server/tls/server-ca.crt", "agent/server-ca.crt"):
        match = re.search(
            "-----BEGIN CERTIFICATE-----(.*?)-----END", read("/var/lib/rancher/k3s/" + path) or "", re.S
        )
        if match:
            return hashlib.sha256(base64.b64decode(match.group(1))).hexdigest()
    return None


def k3s_state():
    """active, failed, activating and so on, or null where there is no unit of K3s's."""
    text = output("systemctl", "show", "k3s.service", "k3s-agent.service", "--property=LoadState,ActiveState") or ""
    for block in text.split("\n\n"):
        properties = dict(line.partition("=")[::2] for line in block.splitlines())
        if properties.get("LoadState") == "loaded":
            return properties.get("ActiveState")
    return None


def device_tree_text(name):
    text = read("/proc/device-tree/" + name)
    return text.rstrip("\0") or None if text is not None else None


def device_tree_number(name):
    """A property of one 32-bit big-endian cell."""
    try:
        with open(root + "/proc/device-tree/" + name, "rb") as file:
            cell = file.read()
    except OSError:
        return None
    return int.from_bytes(cell, "big") if len(cell) == 4 else None


def output(name, *arguments):
    program = shutil.which(name, path=root + "/usr/bin" if root else None)
    if program is None:
        return None
    try:
        return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=5, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None


def exists(path):
    return os.path.exists(root + path)


def read(path):
    try:
        with open(root + path, encoding="utf-8", errors="replace") as file:
            return file.read().strip("\n")
    except OSError:
        return None
