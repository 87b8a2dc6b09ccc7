"""Takes the secrets of first boot off a node: from the boot partition's seed and from what cloud-init keeps of it.

Files are overwritten where they lie, in their own clusters and to their full length: deleting a file, or cutting it, leaves its
bytes on the disk. What cloud-init reads at each boot stays as a stub under the same instance-id, so that it neither falls back to another
data source nor begins anew. Then everything is searched for the secrets: the files, and the boot partition's device byte by byte.
What a card's wear levelling put aside is out of reach. Runs as root on the node; what is done already is not done again.
"""

import base64
import json
import os
import re
import stat
import subprocess

# What cloud-init keeps of an instance that holds no configuration: whether its steps were done.
KEPT = ("sem", "boot-finished", "datasource")
# What it merges into its configuration at each boot; made anew from the seed, and read before that.
STUBBED = ("user-data.txt", "cloud-config.txt")
CHUNK = 1 << 22


def main(payload):
    print(json.dumps(scrub(payload)))


def scrub(payload):
    boot, instance = payload["boot"], payload["instance"]
    seed = os.path.join(boot, "user-data")
    user_stub, network_stub = payload["userData"].encode(), payload["networkConfig"].encode()
    if is_stub(read(seed), user_stub) and recorded(payload["record"]) == instance:
        return {"done": "before"}
    if not cloud_init_ended(payload["run"]):
        return {"failed": "cloud-init is still at work"}

    network = os.path.join(boot, "network-config")
    secrets = [secret.encode() for secret in payload["secrets"]]
    # The card's own keys of Wi-Fi networks, which need not be the configuration's any more.
    carried = re.findall(rb'^\s*password:\s*"?([0-9a-f]{64})"?\s*$', read(network) or b"", re.M)
    patterns = patterns_of(secrets + carried)

    wiped = []
    # The seed first: from here on cloud-init finds the stub there, whatever else is gone when the power fails.
    if read(seed) is not None and overwrite(seed, user_stub):
        wiped.append(seed)
    if carried and overwrite(network, network_stub):
        wiped.append(network)
    for path in instance_files(payload["cloud"]):
        if overwrite(path, user_stub if os.path.basename(path) in STUBBED else b""):
            wiped.append(path)
        if os.path.basename(path) not in STUBBED:
            remove(path)
    for path in files_below(payload["run"]):
        if re.search("sensitive|combined", os.path.basename(path)) or holds(path, patterns):
            overwrite(path, b"")
            remove(path)
            wiped.append(path)
    # cloud-init logs the network's configuration, with its key, as it applies it (stages.py, apply_network_config).
    for path in filter(is_file, payload["logs"]):
        if mask(path, patterns):
            wiped.append(path)
    os.sync()

    device = payload.get("device") or device_of(boot)
    places = [payload["cloud"], payload["run"], *payload["logs"], *([boot] if device is None else [])]
    left = [path for place in places for path in files_below(place) if holds(path, patterns)]
    size = 0
    if device is not None:
        size, found = scan(device, patterns)
        left += [device] if found else []
    if not left:
        record(payload["record"], instance)
    return {"done": "now", "wiped": wiped, "device": device, "bytes": size, "left": left}


def is_stub(content, stub):
    return content is not None and content.rstrip(b"\n") == stub.rstrip(b"\n")


def cloud_init_ended(run):
    return not os.path.isdir(run) or os.path.exists(os.path.join(run, "result.json"))


def instance_files(cloud):
    """Files of all instances but those that only say what was done."""
    instances = os.path.join(cloud, "instances")
    for path in files_below(instances):
        parts = os.path.relpath(path, instances).split(os.sep)
        if len(parts) > 1 and parts[1] not in KEPT:
            yield path


def files_below(place):
    """Regular files in a directory and all below it, or the file itself; links are not followed."""
    if is_file(place):
        return [place]
    found = [os.path.join(folder, name) for folder, _, names in os.walk(place) for name in names]
    return sorted(path for path in found if is_file(path))


def is_file(path):
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def overwrite(path, content):
    """Writes content over a file's bytes, and line ends over what is left of them. Returns whether anything had to be done.

    The file keeps its length and its clusters, so a power cut finds nothing half done in the file system itself.
    """
    with open(path, "r+b", buffering=0) as file:
        old = file.read()
        new = content.ljust(len(old), b"\n")
        if old == new:
            return False
        write_all(file, new)
        os.fsync(file.fileno())
    return True


def mask(path, patterns):
    """Puts stars in place of secrets, where they are."""
    with open(path, "r+b", buffering=0) as file:
        old = file.read()
        new = old
        for pattern in patterns:
            new = new.replace(pattern, b"*" * len(pattern))
        if new == old:
            return False
        write_all(file, new)
        os.fsync(file.fileno())
    return True


def write_all(file, content):
    file.seek(0)
    while content:
        content = content[file.write(content) :]


def remove(path):
    os.unlink(path)
    descriptor = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def patterns_of(secrets):
    """A secret's bytes, and what they look like within base64, at each of the three places where they can begin."""
    patterns = set(secrets)
    for secret in secrets:
        for offset in range(3):
            encoded = base64.b64encode(b"\0" * offset + secret)
            # The first and the last few characters depend on what stands beside the secret.
            patterns.add(encoded[4 if offset else 0 : len(encoded) - 4])
    return sorted(patterns)


def holds(path, patterns):
    content = read(path) or b""
    # MIME parts are base64 in lines.
    joined = content.replace(b"\n", b"").replace(b"\r", b"")
    return any(pattern in content or pattern in joined for pattern in patterns)


def scan(device, patterns):
    """Reads a device from end to end. Returns its size in bytes and whether any pattern is on it."""
    overlap = max(map(len, patterns), default=1) - 1
    size, tail, found = 0, b"", False
    descriptor = os.open(device, os.O_RDONLY)
    try:
        # What lies in memory from an earlier reading need not be what lies on the device.
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        while True:
            piece = os.read(descriptor, CHUNK)
            if not piece:
                return size, found
            size += len(piece)
            window = tail + piece
            found = found or any(pattern in window for pattern in patterns)
            tail = window[-overlap:] if overlap else b""
    finally:
        os.close(descriptor)


def device_of(boot):
    """The block device that the boot partition is mounted from, or None: a container has none."""
    try:
        command = ["findmnt", "--noheadings", "--output", "SOURCE", "--mountpoint", boot]
        source = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout.strip()
        return source if stat.S_ISBLK(os.stat(source).st_mode) else None
    except (OSError, subprocess.TimeoutExpired):
        return None


def recorded(path):
    try:
        return json.loads(read(path) or b"null")
    except ValueError:
        return None


def record(path, instance):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(instance, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".new", path)


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None
