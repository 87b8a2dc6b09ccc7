"""Reads an account of a node that Bramble is to take over, and lets the admin key in. Runs as root on the node."""

import json
import os
import pwd


def main(payload):
    account = pwd.getpwnam(payload["user"])
    path = os.path.realpath(os.path.join(account.pw_dir, ".ssh", "authorized_keys"))
    added = payload["key"] is not None and admit(path, account, payload["key"])
    print(json.dumps({"home": account.pw_dir, "keys": keys_in(path), "added": added}))


def admit(path, account, key):
    """Appends a key once; what is there stays as it is. A power cut leaves the old file or the new one."""
    text = read(path)
    if key in text.splitlines():
        return False
    directory = os.path.dirname(path)
    if not os.path.isdir(directory):
        os.mkdir(directory, 0o700)
        os.chown(directory, account.pw_uid, account.pw_gid)
    temporary = path + ".bramble-new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text + ("" if text.endswith("\n") or not text else "\n") + key + "\n")
        file.flush()
        os.fchown(file.fileno(), account.pw_uid, account.pw_gid)
        if os.path.exists(path):
            os.fchmod(file.fileno(), os.stat(path).st_mode & 0o7777)
        os.fsync(file.fileno())
    os.rename(temporary, path)
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return True


def keys_in(path):
    """Lines that let somebody in."""
    lines = [line.strip() for line in read(path).splitlines()]
    return [line.encode("utf-8", "replace").decode() for line in lines if line and not line.startswith("#")]


def read(path):
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return ""
