"""What Bramble manages on a node: files, and a record of what each phase installed.

Shared by apply.py, which changes a node, and probe.py, which reads one. Python 3.9 and later, standard library only.
"""

import grp
import hashlib
import json
import os
import pwd
import stat

BLOCK_BEGIN = "# begin bramble: kept by Bramble, changes inside are undone by the next `pulumi up`"
BLOCK_END = "# end bramble"


def digest_of(path):
    """SHA-256 of a file's content, read in pieces: image archives do not fit into a board's memory."""
    sha = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            sha.update(piece)
    return sha.hexdigest()


def stat_of(path):
    """What changes whenever a file's content does; lets a probe skip reading a file of hundreds of megabytes."""
    status = os.lstat(path)
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def describe(path, block=False, recorded=None):
    """Digest, mode and owner of a managed file, or None where there is none.

    block: only the part between Bramble's markers belongs to us, so only that is described, without mode and owner.
    recorded: the record's entry; its digest is taken over when the file's stat is unchanged since.
    """
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if block:
        text = block_in(read_text(path))
        return None if text is None else {"sha256": hashlib.sha256(text.encode()).hexdigest()}
    if not stat.S_ISREG(status.st_mode):
        return {"sha256": None, "mode": None, "owner": None}
    unchanged = recorded is not None and recorded.get("stat") == stat_of(path)
    return {
        "sha256": recorded["sha256"] if unchanged else digest_of(path),
        "mode": "%04o" % stat.S_IMODE(status.st_mode),
        "owner": "%s:%s" % (user_name(status.st_uid), group_name(status.st_gid)),
    }


def wanted(file):
    """A managed file as `describe` would describe it once it is in place."""
    if file.get("block"):
        return {"sha256": file["sha256"]}
    return {"sha256": file["sha256"], "mode": file["mode"], "owner": file["owner"]}


def read_text(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def block_in(text):
    """The text between Bramble's markers, or None."""
    begin, found, rest = text.partition(BLOCK_BEGIN + "\n")
    inner, ended, _ = rest.partition(BLOCK_END)
    return inner if found and ended else None


def with_block(text, inner):
    """The text with Bramble's block replaced, added at its end, or (inner is None) removed."""
    begin, found, rest = text.partition(BLOCK_BEGIN + "\n")
    _, ended, after = rest.partition(BLOCK_END + "\n")
    outside = begin + after if found and ended else text
    if inner is None:
        return outside
    if outside and not outside.endswith("\n"):
        outside += "\n"
    return outside + BLOCK_BEGIN + "\n" + inner + BLOCK_END + "\n"


def user_name(uid):
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid):
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def record_path(records, phase):
    return os.path.join(records, phase + ".json")


def read_record(records, phase):
    """What a phase installed: {applied, files, directories, pending}, or None where it never did."""
    try:
        with open(record_path(records, phase), encoding="utf-8") as file:
            return json.load(file)
    except (FileNotFoundError, ValueError):
        return None


def write_atomically(path, write, mode=None, uid=None, gid=None):
    """Calls write(file) on a temporary file beside path, then puts it in place so that a power cut leaves old or new."""
    directory = os.path.dirname(path)
    temporary = os.path.join(directory, ".%s.bramble-new" % os.path.basename(path))
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            write(file)
            finish(file, mode, uid, gid)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    sync_directory(directory)


def finish(file, mode, uid, gid):
    """Owner before mode: chown clears set-id bits, and nobody may read a file between the two."""
    file.flush()
    if uid is not None:
        os.fchown(file.fileno(), uid, gid)
    if mode is not None:
        os.fchmod(file.fileno(), mode)
    os.fsync(file.fileno())


def sync_directory(directory):
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
