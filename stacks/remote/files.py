"""Files, blocks in files, and directories: put in place, and put back as they were found.

What a phase finds at a path before it first writes there is kept in the record's `before.files`:
    {"kind": "absent"}
    {"kind": "same"}                                             as wanted already: it stays when the phase goes
    {"kind": "link", "target"}
    {"kind": "file", "original", "sha256", "mode", "uid", "gid"} its content lies in the phase's originals
    {"kind": "block", "existed", "newline"}                      newline: we ended its last line before our block
"""

import glob
import grp
import hashlib
import os
import pwd
import shutil
import stat

from commands import Refused
from journal import (
    finish,
    make_directories,
    missing_directories,
    remove_if_empty,
    sync_directory,
    temporary_of,
    write_atomically,
)
from managed import BLOCK, BLOCK_BEGIN, BLOCK_END, describe, describe_directory, digest_of, read_text, stat_of, wanted


def check_contents(files):
    for file in files:
        if "content" in file and hashlib.sha256(file["content"].encode()).hexdigest() != file["sha256"]:
            raise Refused("%s: the content that arrived does not have its digest" % file["path"])


def in_place(file, record):
    recorded = record["files"].get(file["path"])
    return describe(file["path"], file.get("block", False), recorded) == wanted(file)


def entry_of(file):
    entry = {**wanted(file), "block": bool(file.get("block"))}
    return entry if file.get("block") else {**entry, "stat": stat_of(file["path"])}


def must_be_sent(file):
    """Whether an artefact's bytes are missing here: neither in place with another mode or owner, nor received."""
    if "content" in file or os.path.exists(staged(file)):
        return False
    present = describe(file["path"])
    return present is None or present["sha256"] != file["sha256"]


def staged(file):
    """Where an artefact lies once it is received whole."""
    return beside(file, "staged")


def partial(file):
    """Where an artefact lies while it is being received. Named by its digest: what is there can only go on as that."""
    return beside(file, "part")


def beside(file, what):
    directory, name = os.path.split(file["path"])
    return os.path.join(directory, ".%s.%s.bramble-%s" % (name, file["sha256"][:16], what))


def leftovers(path):
    """What an interrupted run may have left beside a file."""
    directory, name = (glob.escape(part) for part in os.path.split(path))
    received = [glob.glob(os.path.join(directory, ".%s.*.bramble-%s" % (name, what))) for what in ("staged", "part")]
    # A block in a file that a link leads to is written there.
    written = {temporary_of(path), temporary_of(os.path.realpath(path))}
    return sum(received, [temporary for temporary in written if os.path.lexists(temporary)])


def clear_leftovers(path):
    for leftover in leftovers(path):
        os.unlink(leftover)


def capture(journal, files, changed, directories):
    """Takes down what is there before the phase first changes it; saves nothing but the originals' content."""
    for file in files:
        capture_file(journal, file, file in changed)
    for directory in directories:
        path = directory["path"]
        if path not in journal.before["directories"]:
            phase, found = journal.found_by_another("directories", path)
            journal.before["directories"][path] = owned(path) if phase is None else found
    made = journal.before["made"]
    others = {path for other in journal.others.values() for path in other["before"]["made"]}
    for path in [*(os.path.dirname(file["path"]) for file in files), *(directory["path"] for directory in directories)]:
        on_the_way = [*missing_directories(path), *(parent for parent in parents(path) if parent in others)]
        made.extend(parent for parent in on_the_way if parent not in made)
    made.sort()


def capture_file(journal, file, changes):
    path, found = file["path"], journal.before["files"]
    if path not in found:
        phase, entry = journal.found_by_another("files", path)
        if entry is not None:
            found[path] = taken_over(journal, phase, entry)
    entry = found.get(path)
    if file.get("block"):
        text = read_text(path) if os.path.exists(path) else None
        if entry is None:
            entry = found[path] = {"kind": "block", "existed": text is not None, "newline": False}
        if text is not None and not BLOCK.search(text):
            outside = without_markers(text)
            entry["newline"] = outside != "" and not outside.endswith("\n")
    elif entry is None:
        found[path] = keep(journal, path) if changes else {"kind": "same"}
    elif entry["kind"] == "same" and changes and not is_recorded(journal, file):
        found[path] = keep(journal, path)


def is_recorded(journal, file):
    """Whether what is wanted now is what the phase has kept there all along: drift does not make a new original."""
    recorded = journal.record["files"].get(file["path"])
    return recorded is not None and all(recorded.get(key) == value for key, value in wanted(file).items())


def keep(journal, path):
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return {"kind": "absent"}
    if stat.S_ISLNK(status.st_mode):
        return {"kind": "link", "target": os.readlink(path)}
    if not stat.S_ISREG(status.st_mode):
        what = "a directory" if stat.S_ISDIR(status.st_mode) else "no plain file"
        raise Refused("%s is %s, and a file is wanted there" % (path, what))
    name = original_name(path)
    copy_original(path, os.path.join(journal.originals, name))
    owner = {"mode": stat.S_IMODE(status.st_mode), "uid": status.st_uid, "gid": status.st_gid}
    return {"kind": "file", "original": name, "sha256": digest_of(path), **owner}


def original_name(path):
    digest = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()
    return "%s-%s" % (digest[:16], os.path.basename(path)[:80])


def copy_original(source, to):
    make_directories(os.path.dirname(os.path.dirname(to)), 0o700)
    make_directories(os.path.dirname(to), 0o700)
    with open(source, "rb") as content:
        write_atomically(to, lambda out: shutil.copyfileobj(content, out, 1 << 20), 0o600)


def taken_over(journal, phase, entry):
    if entry["kind"] == "file":
        theirs = os.path.join(os.path.dirname(journal.originals), phase, entry["original"])
        if not os.path.exists(theirs):
            return entry
        copy_original(theirs, os.path.join(journal.originals, entry["original"]))
    return dict(entry)


def install(file):
    path = file["path"]
    make_directories(os.path.dirname(path))
    if file.get("block"):
        put_text(path, with_block(read_text(path) if os.path.exists(path) else "", file["content"]))
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
        mode, uid, gid = stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid
    # A link stays one: what it leads to is written.
    real = os.path.realpath(path)
    write_atomically(real, lambda out: out.write(text.encode("utf-8", "surrogateescape")), mode, uid, gid)


def with_block(text, inner):
    """The text with Bramble's block replaced where it stands, or added at the end."""
    block = BLOCK_BEGIN + "\n" + inner + BLOCK_END + "\n"
    if BLOCK.search(text):
        return BLOCK.sub(lambda _: block, text, count=1)
    outside = without_markers(text)
    if outside and not outside.endswith("\n"):
        outside += "\n"
    return outside + block


def without_block(text, newline):
    """The text as it was without Bramble's block. newline: the one before it is ours, unless others go on after it."""
    found = BLOCK.search(text)
    if not found:
        return text
    head, tail = text[: found.start()], text[found.end() :]
    return head[:-1] if newline and tail == "" and head.endswith("\n") else head + tail


def without_markers(text):
    """Half a block is no block; its markers would hide what is written next."""
    return "".join(line for line in text.splitlines(True) if line.rstrip("\r\n") not in (BLOCK_BEGIN, BLOCK_END))


def release(journal, path):
    """Puts a path back, as `put_back` does, and forgets it."""
    came = put_back(journal, path)
    journal.before["files"].pop(path, None)
    journal.record["files"].pop(path, None)
    return came


def put_back(journal, path):
    """Puts back what was at a path before the phase; returns "removed", "restored", "lost", or None."""
    clear_leftovers(path)
    entry = journal.before["files"].get(path, {"kind": "same"})
    if journal.is_another("files", path) or entry["kind"] == "same":
        return None
    if entry["kind"] == "block":
        return put_back_around_block(path, entry)
    if entry["kind"] == "link":
        if os.path.islink(path) and os.readlink(path) == entry["target"]:
            return None
        make_directories(os.path.dirname(path))
        os.symlink(entry["target"], temporary_of(path))
        os.rename(temporary_of(path), path)
    elif entry["kind"] == "file":
        original = os.path.join(journal.originals, entry["original"])
        if is_original(path, entry):
            return None
        if not os.path.exists(original) or digest_of(original) != entry["sha256"]:
            return "lost"
        make_directories(os.path.dirname(path))
        with open(original, "rb") as content:
            permitted = (entry["mode"], entry["uid"], entry["gid"])
            write_atomically(path, lambda out: shutil.copyfileobj(content, out, 1 << 20), *permitted)
    elif os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    else:
        return None
    sync_directory(os.path.dirname(path))
    return "removed" if entry["kind"] == "absent" else "restored"


def put_back_around_block(path, entry):
    if not os.path.exists(path):
        return None
    text = read_text(path)
    if not BLOCK.search(text):
        return None
    rest = without_block(text, entry["newline"])
    if rest == "" and not entry["existed"]:
        os.unlink(path)
        sync_directory(os.path.dirname(path))
    else:
        put_text(path, rest)
    return "removed"


def is_original(path, entry):
    if os.path.islink(path) or not os.path.isfile(path):
        return False
    status = os.lstat(path)
    permitted = (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
    return permitted == (entry["mode"], entry["uid"], entry["gid"]) and digest_of(path) == entry["sha256"]


def make_directory(directory):
    """Makes a directory with its mode and owner; True if anything had to be done."""
    path = directory["path"]
    if describe_directory(path) == {key: directory[key] for key in ("mode", "owner")}:
        return False
    make_directories(path)
    os.chown(path, *owner_ids(directory["owner"]))
    os.chmod(path, int(directory["mode"], 8))
    return True


def put_back_directories(journal, wanted_directories, files):
    """Gives directories that the phase lets go of their earlier mode and owner; removes those it made, where empty.

    Returns the managed ones that it made and that others put something into.
    """
    needed = {path for item in [*wanted_directories, *files] for path in parents(item["path"])}
    kept = []
    for path in list(journal.before["directories"]):
        if path in needed or journal.is_another("directories", path):
            continue
        found = journal.before["directories"].pop(path)
        if found is not None and os.path.isdir(path) and owned(path) != found:
            os.chown(path, found["uid"], found["gid"])
            os.chmod(path, found["mode"])
        if found is None and path in journal.before["made"] and os.path.isdir(path) and os.listdir(path):
            kept.append(path)
    for path in sorted(journal.before["made"], reverse=True):
        if path in needed or journal.is_another("directories", path):
            continue
        if remove_if_empty(path):
            journal.before["made"].remove(path)
    return kept


def owned(path):
    if not os.path.isdir(path):
        return None
    status = os.stat(path)
    return {"mode": stat.S_IMODE(status.st_mode), "uid": status.st_uid, "gid": status.st_gid}


def parents(path):
    """A path and all directories above it."""
    found = [path]
    while os.path.dirname(path) != path:
        path = os.path.dirname(path)
        found.append(path)
    return found


def owner_ids(owner):
    user, _, group = owner.partition(":")
    return pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid
