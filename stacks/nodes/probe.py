"""Reads a node and changes nothing: facts, the card's stamp, K3s, and what lies where phases installed files.

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
                "k3s": k3s(),
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
        der = certificate("/var/lib/rancher/k3s/" + path)
        if der:
            return hashlib.sha256(der).hexdigest()
    return None


def certificate(path):
    """The first certificate (DER) in a file, or null where none can be read: a power cut may leave half of one."""
    match = re.search("-----BEGIN CERTIFICATE-----(.*?)-----END", read(path) or "", re.S)
    try:
        return base64.b64decode(match.group(1)) if match else None
    except ValueError:
        return None


def k3s():
    """What K3s is on this node, and how it fares. Secrets stay here: of the token a digest, of the journal no K10 form."""
    properties = k3s_unit()
    role, unit = properties.get("role"), properties.get("ActiveState")
    restarts = int(properties["NRestarts"]) if properties.get("NRestarts", "").isdigit() else None
    has_data = exists(DATA + "/server/db/etcd/member") or (role != "server" and exists(DATA + "/agent/client-kubelet.crt"))
    return {
        "role": role,
        "unit": unit,
        "restarts": restarts,
        "version": k3s_version(),
        "hasData": has_data,
        "certificatesEnd": certificates_end(),
        "tokenDigest": token_digest(),
        "decided": decided() if has_data and role == "server" else None,
        "journal": k3s_journal() if unit is not None and (unit != "active" or restarts) else [],
        **disk_room(),
        "snapshots": snapshots(),
    }


DATA = "/var/lib/rancher/k3s"


def k3s_unit():
    wanted = "--property=Id,LoadState,ActiveState,NRestarts"
    text = output("systemctl", "show", "k3s.service", "k3s-agent.service", wanted) or ""
    for block in text.split("\n\n"):
        properties = dict(line.partition("=")[::2] for line in block.splitlines())
        if properties.get("LoadState") == "loaded":
            return {**properties, "role": "server" if properties.get("Id") == "k3s.service" else "agent"}
    return {}


def k3s_version():
    match = re.search(r"^k3s version (\S+)", output("k3s", "--version") or "", re.M)
    return match.group(1) if match else None


def certificates_end():
    """The earliest end of K3s's own certificates, ISO 8601, or null. Authorities are not renewed with them and not counted."""
    ends = []
    for pattern in ("server/tls/*.crt", "server/tls/etcd/*.crt", "agent/*.crt"):
        for path in glob.glob(root + DATA + "/" + pattern):
            name = os.path.basename(path)
            if name.endswith("-ca.crt") or name.endswith(".nochain.crt"):
                continue
            end = certificate_end(certificate(path[len(root) :]) or b"")
            if end:
                ends.append(end)
    return min(ends).isoformat().replace("+00:00", "Z") if ends else None


def certificate_end(der):
    """notAfter of a certificate (RFC 5280, 4.1), or null where the bytes are none."""
    try:
        _, signed = next(der_elements(next(der_elements(der))[1]))
        # Serial number, signature's algorithm, issuer, validity; all but the oldest have a version before them, with a tag of its own.
        fields = [content for tag, content in der_elements(signed) if tag != 0xA0]
        _, (tag, end) = der_elements(fields[3])
        text = end.decode("ascii")
        if tag == 0x17:  # UTCTime: of its two digits for the year, 50 and more are of the last century.
            text = ("19" if text[:2] >= "50" else "20") + text
        return datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    except (IndexError, ValueError, StopIteration):
        return None


def der_elements(data):
    """(tag, content) of each element in a row of them (X.690, 8.1)."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at : at + size], "big"), at + size
        if at + length > len(data):
            raise ValueError("an element ends beyond the data")
        yield tag, data[at : at + length]
        at += length


def token_digest():
    text = read(DATA + "/server/token")
    password = (text or "").strip().rpartition(":")[2]
    return hashlib.sha256(password.encode()).hexdigest() if password else None


def decided():
    """Settings that a cluster keeps for ever, as its server was last told them."""
    text = read("/etc/rancher/k3s/config.yaml")
    if text is None:
        return None

    def setting(key):
        match = re.search(r"^%s:[ \t]*(.*(?:\n[ \t]*- .*)*)" % key, text, re.M)
        items = re.findall(r"[^\s,\[\]\"'-][^\s,\[\]\"']*", match.group(1)) if match else []
        return ",".join(items) or None

    encryption = setting("secrets-encryption")
    return {
        "secretsEncryption": None if encryption is None else encryption == "true",
        "clusterCidr": setting("cluster-cidr"),
        "serviceCidr": setting("service-cidr"),
    }


def k3s_journal():
    text = output("journalctl", "--unit=k3s", "--unit=k3s-agent", "--lines=40", "--output=cat", "--quiet") or ""
    return [re.sub(r"K10[0-9a-f]*::\S+", "K10...", line)[:500] for line in text.splitlines()][-40:]


def disk_room():
    """Of the file system that K3s's data lie on, or would."""
    at = root + DATA
    while at and not os.path.isdir(at):
        at = os.path.dirname(at)
    try:
        usage = shutil.disk_usage(at or "/")
    except OSError:
        return {"diskMegabytes": None, "diskFreeMegabytes": None}
    return {"diskMegabytes": usage.total // 1_000_000, "diskFreeMegabytes": usage.free // 1_000_000}


def snapshots():
    """etcd's snapshots on this node, newest last; null where it keeps none."""
    found = []
    for path in glob.glob(root + DATA + "/server/db/snapshots/*"):
        # What etcd still writes ends in .part, and K3s removes old ones at any time.
        if path.endswith(".part"):
            continue
        try:
            status = os.stat(path)
        except OSError:
            continue
        moment = datetime.datetime.fromtimestamp(status.st_mtime, datetime.timezone.utc)
        found.append(
            {
                "name": os.path.basename(path),
                "megabytes": -(-status.st_size // 1_000_000),
                "time": moment.isoformat(timespec="seconds").replace("+00:00", "Z"),
            }
        )
    return sorted(found, key=lambda one: one["time"]) or None


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
