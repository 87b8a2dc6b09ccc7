"""Takes an artefact's bytes; goes on where an interrupted transfer ended."""

import fcntl
import glob
import os
import shutil
import sys

from commands import Refused
from files import capture, partial, staged
from journal import Journal, copy_gently, finish, make_directories, sync_directory
from managed import digest_of


def bytes_there(artefact):
    """How many bytes of an artefact have arrived so far."""
    path = partial(artefact)
    return os.path.getsize(path) if os.path.isfile(path) and not os.path.islink(path) else 0


def receive(payload):
    """Adds the rest of stdin to what is there. payload: records, phase, file, size (bytes in all), start (bytes there).

    Returns {"received": bytes there now, "whole": whether that is all}, or {"damaged": digest} when the bytes are not
    the artefact's: then they are gone again.
    """
    artefact = payload["file"]
    directory, name = os.path.split(artefact["path"])
    journal = Journal(payload["records"], payload["phase"])
    # Recorded first, so that what arrives here goes again with the phase, even if it is never put in place.
    capture(journal, [artefact], [artefact], [])
    journal.save()
    make_directories(directory)
    target, part = staged(artefact), partial(artefact)
    for what in ("staged", "part"):
        for other in glob.glob(os.path.join(glob.escape(directory), ".%s.*.bramble-%s" % (glob.escape(name), what))):
            # Staged under its digest it was received already, or is of another version.
            if other != part:
                os.unlink(other)
    file = open_part(part)
    with file:
        if os.fstat(file.fileno()).st_size < payload["start"]:
            raise Refused("%s: %d bytes were to be here already" % (part, payload["start"]))
        file.truncate(payload["start"])
        file.seek(payload["start"])
        try:
            copy_gently(sys.stdin.buffer, file)
            finish(file, None, None, None)
        except OSError:
            # Of a full disk, leave nothing behind that keeps it full.
            os.unlink(part)
            raise
    there = os.path.getsize(part)
    if there < payload["size"]:
        return {"received": there, "whole": False}
    actual = digest_of(part)
    if actual != artefact["sha256"]:
        os.unlink(part)
        return {"damaged": actual}
    os.rename(part, target)
    sync_directory(directory)
    return {"received": there, "whole": True}


def open_part(path):
    """Opens the partial file for this process alone.

    A transfer whose connection died may not have noticed yet, and could still write what lies in its pipe: then this
    one goes on with a copy, and the old one writes to a file that has no name any more.
    """
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return file
    except OSError:
        copy = path + ".copy"
        with file, open(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as other:
            shutil.copyfileobj(file, other, 1 << 20)
        os.rename(copy, path)
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_NOFOLLOW), "r+b")
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return file
