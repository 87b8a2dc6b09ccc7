"""Runs on a server, as root: reads what K3s keeps there, hands out a snapshot block by block, takes one for a restore.

Reads a request as JSON from standard input and prints the answer as JSON. Every request can be made again: a connection that broke
says nothing about whether the last one was answered.
"""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import zlib

request = json.load(sys.stdin)
base = request["base"]
k3s = os.path.join(base, request["binary"].lstrip("/"))
server = os.path.join(base, "var/lib/rancher/k3s/server")
snapshots = os.path.join(server, "db/snapshots")
target = os.path.join(base, request["restore"].lstrip("/"))
part = os.path.join(target, "snapshot.part")
snapshot = os.path.join(target, "snapshot")
manifest = os.path.join(target, "manifest.json")


def digest(path):
    sha256 = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            sha256.update(piece)
    return {"bytes": os.path.getsize(path), "sha256": sha256.hexdigest()}


def digest_blocks(path, size):
    """Digests of the whole and of each block, the last of which may be shorter: whoever has a block already need not fetch it."""
    sha256, blocks, length = hashlib.sha256(), [], 0
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(size), b""):
            sha256.update(block)
            blocks.append(hashlib.sha256(block).hexdigest())
            length += len(block)
    return {"bytes": length, "sha256": sha256.hexdigest(), "blocks": blocks}


def sync_directory(path):
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def version():
    if not os.path.exists(k3s):
        return None
    said = subprocess.run([k3s, "--version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    found = re.search(r"\bv\d+\.\d+\.\d+\S*", said)
    return found.group(0) if found else None


def token_digest():
    """SHA-256 of the password in the server's token, K10<hash>::server:<password>."""
    try:
        with open(os.path.join(server, "token")) as file:
            password = file.read().strip().split(":")[-1]
    except FileNotFoundError:
        return None
    return hashlib.sha256(password.encode()).hexdigest()


def look_at_disk(device):
    """Whether etcd's data lie on a data disk, which may not be mounted yet: a card that was written anew leaves its disk as it is."""
    if device is None:
        return "none"
    if not os.path.exists(device):
        return "absent"
    member = "stat /rancher/k3s/server/db/etcd/member"
    said = subprocess.run(["debugfs", "-R", member, device], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return "data" if "Inode:" in said.stdout else "empty"


def list_snapshots():
    names = sorted(os.listdir(snapshots)) if os.path.isdir(snapshots) else []
    paths = [(name, os.path.join(snapshots, name)) for name in names]
    return [
        {"name": name, "bytes": os.path.getsize(path), "time": os.path.getmtime(path)}
        for name, path in paths
        if os.path.isfile(path)
    ]


def look():
    return {
        "version": version(),
        "tokenDigest": token_digest(),
        "hasData": os.path.exists(os.path.join(server, "db/etcd/member")),
        "disk": look_at_disk(request["disk"]),
        "snapshots": list_snapshots(),
    }


def read():
    found = []
    with open(os.path.join(snapshots, request["name"]), "rb") as file:
        for block in request["blocks"]:
            file.seek(block * request["size"])
            found.append(file.read(request["size"]))
    # A snapshot shrinks to a third or less, and the link may be thin.
    return {"data": base64.b64encode(zlib.compress(b"".join(found), 1)).decode("ascii")}


def arrived():
    """What an earlier restore that was cut off left."""
    return digest(part) if os.path.isfile(part) and not os.path.islink(part) else None


def forget_manifest():
    """A manifest says that what lies beside it is whole."""
    if os.path.lexists(manifest):
        os.unlink(manifest)
        sync_directory(target)


def receive():
    os.makedirs(target, 0o700, exist_ok=True)
    os.chmod(target, 0o700)
    forget_manifest()
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600), "wb") as file:
        there = os.fstat(file.fileno()).st_size
        if there < request["offset"]:
            raise SystemExit("%s has %d bytes, fewer than were sent" % (part, there))
        file.truncate(request["offset"])
        file.seek(request["offset"])
        file.write(zlib.decompress(base64.b64decode(request["data"])))
        file.flush()
        os.fsync(file.fileno())
    return {}


def finish():
    there = part if os.path.exists(part) else snapshot
    came = digest(there) if os.path.exists(there) else {"bytes": 0, "sha256": hashlib.sha256().hexdigest()}
    if came != {"bytes": request["bytes"], "sha256": request["sha256"]}:
        forget_manifest()
        if os.path.exists(part):
            os.unlink(part)
        return {"damaged": came["sha256"]}
    if there == part:
        forget_manifest()
        os.rename(part, snapshot)
        sync_directory(target)
    temporary = manifest + ".tmp"
    if os.path.lexists(temporary):
        os.unlink(temporary)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(request["manifest"])
        file.flush()
        os.fsync(file.fileno())
    os.rename(temporary, manifest)
    for directory in (target, os.path.dirname(target), os.path.dirname(os.path.dirname(target))):
        sync_directory(directory)
    return {"damaged": None}


if request["action"] == "look":
    answer = look()
elif request["action"] == "digest":
    answer = digest_blocks(os.path.join(snapshots, request["name"]), request["size"])
elif request["action"] == "read":
    answer = read()
elif request["action"] == "arrived":
    answer = arrived()
elif request["action"] == "receive":
    answer = receive()
elif request["action"] == "finish":
    answer = finish()
else:
    raise SystemExit("unknown action")
print(json.dumps(answer))
