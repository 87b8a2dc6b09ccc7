"""A phase's record on the node, written before what it records: a power cut leaves word of all that was to change."""

import copy
import json
import os
import shutil

from managed import read_record, read_records, record_path


class Journal:
    """record: {applied, pending, files, directories, units, packages, labels, before}.

    `before` is the node as the phase found it, for each thing that it manages: what taking the phase away puts back.
    """

    def __init__(self, records, phase):
        self.records = records
        self.phase = phase
        self.originals = os.path.join(os.path.dirname(records), "originals", phase)
        found = read_record(records, phase)
        self.existed = found is not None
        self.record = found or blank_record()
        self.at_start = copy.deepcopy(self.record)
        self.saved = copy.deepcopy(self.record)
        self.others = {name: other for name, other in read_records(records).items() if name != phase}

    @property
    def before(self):
        return self.record["before"]

    def found_by_another(self, section, key):
        """(phase, what it found) where another phase has the thing already: a phase's part may become another's."""
        for name, other in self.others.items():
            if key in other["before"][section]:
                return name, other["before"][section][key]
        return None, None

    def is_another(self, section, key):
        """Whether another phase keeps the thing: then it stays when this one lets go of it."""
        return any(key in other["before"][section] for other in self.others.values())

    def save(self):
        if self.record == self.saved:
            return
        make_directories(self.records)
        text = json.dumps(self.record, indent=1, sort_keys=True) + "\n"
        # For root alone: digests of what nobody else may read are in it.
        write_atomically(record_path(self.records, self.phase), lambda out: out.write(text.encode()), 0o600)
        self.saved = copy.deepcopy(self.record)

    def forget(self):
        """The record first: an original without a record is rubbish, a record without its originals a loss."""
        path = record_path(self.records, self.phase)
        for name in (path, temporary_of(path)):
            if os.path.lexists(name):
                os.unlink(name)
        if os.path.isdir(self.records):
            sync_directory(self.records)
        if os.path.isdir(self.originals):
            shutil.rmtree(self.originals)
        state = os.path.dirname(self.records)
        for directory in (os.path.dirname(self.originals), self.records, state):
            remove_if_empty(directory)

    def clear_originals(self):
        """Removes originals that nothing refers to any more."""
        if not os.path.isdir(self.originals):
            return
        needed = {entry.get("original") for entry in self.before["files"].values()}
        for name in os.listdir(self.originals):
            if name not in needed:
                os.unlink(os.path.join(self.originals, name))
        remove_if_empty(self.originals)
        remove_if_empty(os.path.dirname(self.originals))


def blank_record():
    before = {"files": {}, "directories": {}, "made": [], "units": {}, "packages": {}, "brought": [], "labels": {}}
    return {
        "applied": None,
        "pending": [],
        "files": {},
        "directories": {},
        "units": {},
        "packages": {},
        "labels": None,
        "before": before,
    }


def temporary_of(path):
    directory, name = os.path.split(path)
    return os.path.join(directory, ".%s.bramble-new" % name)


def write_atomically(path, write, mode=None, uid=None, gid=None):
    """Calls write(file) on a temporary file beside path, then puts it in place: a power cut leaves old or new."""
    temporary = temporary_of(path)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            write(file)
            finish(file, mode, uid, gid)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    sync_directory(os.path.dirname(path))


# Bytes of a large file that may be dirty at a time.
GENTLE = 4 << 20


def copy_gently(source, file):
    """Writes out what it copies piece by piece. etcd syncs each of its writes, and where it shares a disk with a large new
    file it would wait for all of that: ext4 writes a file's data before it commits what its journal says of it (data=ordered,
    ext4(5)). A cluster whose etcd waits does not answer."""
    while piece := source.read(GENTLE):
        file.write(piece)
        file.flush()
        os.fdatasync(file.fileno())


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


def missing_directories(path):
    """The directories that are not there yet on the way to one, itself included, from the top."""
    missing = []
    while not os.path.isdir(path):
        missing.insert(0, path)
        path = os.path.dirname(path)
    return missing


def make_directories(path, mode=0o755):
    """Each synced into its parent: a file that is synced into a directory that is lost is lost."""
    for directory in missing_directories(path):
        try:
            os.mkdir(directory, mode)
        except FileExistsError:
            # Another phase, which runs on this node at the same time, was faster.
            pass
        sync_directory(os.path.dirname(directory))


def remove_if_empty(path):
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    sync_directory(os.path.dirname(path))
    return True
