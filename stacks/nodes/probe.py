"""Reads a node and changes nothing: facts, the card's stamp, K3s's health, and what lies where phases installed files.

Missing is null: a board without a sensor, a container without a boot disk. Runs as root on the node.
"""

import glob
import json
import os
import platform
import re
import shutil
import subprocess
import time

from managed import describe, read_record


def main(payload):
    print(
        json.dumps(
            {
                "machine": read("/etc/machine-id"),
                "stamp": stamp(payload["stamp"]),
                "facts": facts(),
                "health": health(),
                "records": records(payload["records"]),
            }
        )
    )


def facts():
    return {
        "serial": device_tree("serial-number"),
        "model": device_tree("model"),
        "memoryMegabytes": memory_megabytes(),
        "architecture": platform.machine() or None,
        "kernel": platform.release() or None,
        "pageSize": os.sysconf("SC_PAGE_SIZE"),
        "cpus": os.cpu_count(),
        "cgroup": cgroup(),
        "bootDisk": boot_disk(),
        "virtualization": (output("systemd-detect-virt") or "").strip() or None,
    }


def health():
    return {
        "clock": time.time(),
        "throttled": throttled(),
        "booted": booted(),
        "k3s": first(unit_state("k3s.service"), unit_state("k3s-agent.service")),
    }


def booted():
    """cloud-init leaves its result behind when its last stage ends; it may restart sshd before."""
    if not os.path.isdir("/run/cloud-init") or os.path.exists("/run/cloud-init/disabled"):
        return None
    return os.path.exists("/run/cloud-init/result.json")


def stamp(path):
    text = read(path)
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return None


def records(directory):
    phases = [os.path.basename(path)[: -len(".json")] for path in glob.glob(os.path.join(directory, "*.json"))]
    found = {phase: read_record(directory, phase) for phase in phases}
    return {phase: seen(record) for phase, record in found.items() if record is not None}


def seen(record):
    return {
        "applied": record["applied"],
        "files": {
            path: {
                "installed": {key: entry[key] for key in ("sha256", "mode", "owner") if key in entry},
                "present": describe(path, entry["block"], entry),
            }
            for path, entry in record["files"].items()
        },
    }


def cgroup():
    """Version and whether memory can be limited: without that controller K3s does not start.

    Not from /proc/cgroups: on v2 it lists controllers that the kernel command line has switched off.
    """
    controllers = read("/sys/fs/cgroup/cgroup.controllers")
    if controllers is not None:
        return {"version": 2, "memory": "memory" in controllers.split()}
    mounts = [line.split() for line in (read("/proc/mounts") or "").splitlines()]
    hierarchies = [fields[3].split(",") for fields in mounts if len(fields) > 3 and fields[2] == "cgroup"]
    return {"version": 1, "memory": any("memory" in options for options in hierarchies)} if hierarchies else None


def boot_disk():
    for line in (read("/proc/mounts") or "").splitlines():
        device, target = line.split()[:2]
        if target == "/" and device.startswith("/dev/"):
            return device
    return None


def memory_megabytes():
    match = re.search(r"^MemTotal:\s+(\d+) kB", read("/proc/meminfo") or "", re.M)
    return int(match.group(1)) // 1024 if match else None


def device_tree(name):
    text = read("/proc/device-tree/" + name)
    return text.rstrip("\0") or None if text is not None else None


def throttled():
    """The firmware's word on under-voltage and throttling, as an integer of bits."""
    if shutil.which("vcgencmd") is None:
        return None
    match = re.search(r"0x([0-9a-f]+)", output("vcgencmd", "get_throttled") or "")
    return int(match.group(1), 16) if match else None


def unit_state(unit):
    """active, failed, activating and so on, or null where there is no such unit."""
    properties = dict(
        line.partition("=")[::2]
        for line in (output("systemctl", "show", unit, "--property=LoadState,ActiveState") or "").splitlines()
    )
    return properties.get("ActiveState") if properties.get("LoadState") == "loaded" else None


def first(*values):
    return next((value for value in values if value is not None), None)


def output(*argv):
    try:
        return subprocess.run(argv, capture_output=True, text=True, timeout=5, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip("\n")
    except OSError:
        return None
