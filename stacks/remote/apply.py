"""Brings one phase's files and services on a node to what a payload asks, or takes them away.

Runs on the node as root (or on any machine as a test); program and payload come through stdin. Nothing is written
that is already as it should be. Reports as JSON what it changed.
"""

import datetime
import glob
import grp
import hashlib
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time

from managed import (
    block_in,
    describe,
    digest_of,
    finish,
    read_record,
    read_text,
    record_path,
    stat_of,
    sync_directory,
    wanted,
    with_block,
    write_atomically,
)


def main(payload):
    actions = {"apply": apply, "receive": receive, "remove": remove}
    try:
        report = actions[payload["action"]](payload)
    except StepFailed as failure:
        report = {"failed": {"title": failure.title, "output": failure.output}}
    except (OSError, Refused) as error:
        report = {"failed": {"title": None, "output": str(error)}}
    print(json.dumps(report))


class Refused(Exception):
    pass


class StepFailed(Exception):
    def __init__(self, title, output):
        super().__init__(title)
        self.title = title
        self.output = output


def apply(payload):
    records, phase, files, steps = (payload[key] for key in ("records", "phase", "files", "steps"))
    record = read_record(records, phase) or {"applied": None, "files": {}, "directories": [], "pending": []}
    changed = [file for file in files if not in_place(file, record)]
    needs = [file["path"] for file in changed if "content" not in file and must_be_sent(file)]
    if needs:
        return {"needs": needs}
    for file in changed:
        if "content" in file and hashlib.sha256(file["content"].encode()).hexdigest() != file["sha256"]:
            raise Refused("%s: the content that arrived does not have its digest" % file["path"])
    obsolete = [path for path in record["files"] if path not in {file["path"] for file in files}]
    made = [directory for directory in payload["directories"] if make_directory(directory)]
    paths = {file["path"] for file in changed}
    pending = [
        step["title"]
        for step in steps
        if step["title"] in record["pending"] or paths.intersection(step.get("after") or ())
    ]
    # Written before the files: a run cut off between files and steps leaves word of the steps still to do.
    if pending != record["pending"]:
        save_record(records, phase, {**record, "pending": pending})
    for file in changed:
        install(file)
    for path in obsolete:
        take_away(path, record["files"][path])
    ran = [step["title"] for step in steps if is_due(step, pending) and run_step(step)]
    entries = {file["path"]: entry_of(file) for file in files}
    directories = sorted({*record["directories"], *(directory["path"] for directory in payload["directories"])})
    current = {"applied": record["applied"], "files": entries, "directories": directories, "pending": []}
    # A phase of steps alone leaves nothing that could drift.
    lasting = entries or directories or record["files"]
    if lasting and (changed or obsolete or pending or current != record or record["applied"] is None):
        save_record(records, phase, {**current, "applied": now()})
    return {
        "wrote": [{"path": file["path"], "size": os.path.getsize(file["path"])} for file in changed],
        "made": [directory["path"] for directory in made],
        "removed": obsolete,
        "ran": ran,
    }


def in_place(file, record):
    recorded = record["files"].get(file["path"])
    return describe(file["path"], file.get("block", False), recorded) == wanted(file)


def entry_of(file):
    entry = {**wanted(file), "block": bool(file.get("block"))}
    return entry if file.get("block") else {**entry, "stat": stat_of(file["path"])}


def must_be_sent(file):
    """Whether an artefact's bytes are missing here: neither in place with another mode or owner, nor received."""
    present = describe(file["path"])
    return not os.path.exists(staged(file)) and (present is None or present["sha256"] != file["sha256"])


def staged(file):
    directory, name = os.path.split(file["path"])
    return os.path.join(directory, ".%s.%s.bramble-staged" % (name, file["sha256"][:16]))


def install(file):
    path = file["path"]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if file.get("block"):
        text = read_text(path) if os.path.exists(path) else ""
        put_text(path, with_block(text, file["content"]))
        return
    uid, gid = owner_ids(file["owner"])
    mode = int(file["mode"], 8)
    if "content" in file:
        write_atomically(path, lambda out: out.write(file["content"].encode()), mode, uid, gid)
        return
    source = staged(file) if os.path.exists(staged(file)) else path
    with open(source, "rb") as content:
        finish(content, mode, uid, gid)
    os.rename(source, path)
    sync_directory(os.path.dirname(path))


def put_text(path, text):
    """Writes the text of a file that is not ours alone: its mode and owner stay."""
    mode, uid, gid = 0o644, None, None
    if os.path.exists(path):
        status = os.stat(path)
        mode, uid, gid = status.st_mode & 0o7777, status.st_uid, status.st_gid
    write_atomically(path, lambda out: out.write(text.encode("utf-8", "surrogateescape")), mode, uid, gid)


def take_away(path, entry):
    if not os.path.lexists(path):
        return
    if entry.get("block"):
        text = read_text(path)
        if block_in(text) is not None:
            put_text(path, with_block(text, None))
        return
    os.unlink(path)
    sync_directory(os.path.dirname(path))


def make_directory(directory):
    """Makes a directory with its mode and owner; True if anything had to be done."""
    path, mode = directory["path"], int(directory["mode"], 8)
    uid, gid = owner_ids(directory["owner"])
    existed = os.path.isdir(path)
    os.makedirs(path, exist_ok=True)
    status = os.stat(path)
    if existed and (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (mode, uid, gid):
        return False
    os.chown(path, uid, gid)
    os.chmod(path, mode)
    return True


def owner_ids(owner):
    user, _, group = owner.partition(":")
    return pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid


def is_due(step, pending):
    return step.get("after") is None or step["title"] in pending


def run_step(step):
    """Runs a step unless its check finds nothing to do; True if it ran and is worth a word in the report."""
    if step.get("check") is not None and attempt(step["check"], step["limit"])[0] == 0:
        return False
    deadline = time.monotonic() + step.get("patience", 0)
    while True:
        code, output = attempt(step["run"], step["limit"])
        if code == 0:
            return True
        if time.monotonic() >= deadline:
            if step.get("tolerated"):
                return False
            raise StepFailed(step["title"], output)
        time.sleep(1)


def attempt(argv, limit):
    """Exit code and the last lines of output. A file, not a pipe: what a step leaves running must not hold us up."""
    with tempfile.TemporaryFile() as output:
        try:
            code = subprocess.run(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, timeout=limit, check=False
            ).returncode
            trouble = ""
        except subprocess.TimeoutExpired:
            code, trouble = 124, "no end after %d s" % limit
        except OSError as error:
            code, trouble = 127, str(error)
        output.seek(0)
        lines = output.read().decode(errors="replace").strip().splitlines()[-20:]
    return code, "\n".join([*lines, trouble] if trouble else lines)


def receive(payload):
    """Takes one artefact's bytes from the rest of stdin; it counts as received only with its full digest."""
    target = staged(payload)
    directory, name = os.path.split(payload["path"])
    os.makedirs(directory, exist_ok=True)
    for leftover in glob.glob(os.path.join(glob.escape(directory), ".%s.*.bramble-staged" % glob.escape(name))):
        os.unlink(leftover)
    partial = os.path.join(directory, ".%s.bramble-part" % name)
    try:
        with open(partial, "wb", opener=private_opener) as file:
            shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
            finish(file, None, None, None)
        actual = digest_of(partial)
        if actual != payload["sha256"]:
            raise Refused("%s: received sha256 %s instead of %s" % (payload["path"], actual, payload["sha256"]))
        os.rename(partial, target)
    finally:
        if os.path.exists(partial):
            os.unlink(partial)
    sync_directory(directory)
    return {"received": os.path.getsize(target)}


def private_opener(path, flags):
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def remove(payload):
    records, phase = payload["records"], payload["phase"]
    record = read_record(records, phase)
    ran = [step["title"] for step in payload["removal"] if run_step(step)]
    ours = {file["path"]: file for file in payload["files"]}
    if record is not None:
        ours.update(record["files"])
    removed = [path for path in ours if os.path.lexists(path)]
    for path in removed:
        take_away(path, ours[path])
    kept = [path for path in reversed(record["directories"] if record else []) if not remove_if_empty(path)]
    if record is not None:
        os.unlink(record_path(records, phase))
        remove_if_empty(records)
    return {"ran": ran, "removed": removed, "kept": kept}


def remove_if_empty(path):
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def save_record(records, phase, record):
    os.makedirs(records, mode=0o755, exist_ok=True)
    text = json.dumps(record, indent=1, sort_keys=True) + "\n"
    write_atomically(record_path(records, phase), lambda out: out.write(text.encode()), 0o644)


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
