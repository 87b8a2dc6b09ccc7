"""A card's boot partition on a machine whose kernel has no vfat: its files as a directory of the node's own file system.

    boot-partition.py take-out CARD OFFSET DIRECTORY NOTES     copies the files out of the card, into an empty directory
    boot-partition.py write-back CARD OFFSET DIRECTORY NOTES   brings the card up to date with the directory

OFFSET is the partition's, in bytes. What a raw scan of the card finds afterwards is what it would find on a board: a file
that was overwritten in place is overwritten in place on the card; one that was cut to nothing and written anew, replaced
or removed gets other clusters, and its old ones keep what they held. Which of the two happened is read from where the file
lies: one that is overwritten keeps its inode and its blocks. NOTES, a file of this machine's, holds both as they were when
directory and card last agreed.
"""

import fcntl
import json
import os
import re
import struct
import subprocess
import sys

FIBMAP = 1  # linux/fs.h
FIGETBSZ = 2


def main(verb, card, offset, directory, notes):
    drive = "%s@@%s" % (card, offset)
    if verb == "take-out":
        subprocess.run(["mcopy", "-s", "-n", "-m", "-i", drive, "::*", directory], check=True)
        return
    known = read_notes(notes)
    before = listing(drive)
    after = walk(directory)
    for path in sorted(before["files"] - after["files"]):
        mtools("mdel", drive, path)
    for path in sorted(after["directories"] - before["directories"]):
        mtools("mmd", drive, path)
    for path in sorted(after["files"]):
        file = os.path.join(directory, path)
        content = read(file)
        old = mtools("mtype", drive, path) if path in before["files"] else None
        if content == old:
            continue
        if old is not None and overwritten(known.get(path), place_of(file)):
            overwrite(card, int(offset), drive, path, content[: len(old)])
            if len(content) == len(old):
                continue
        subprocess.run(["mcopy", "-o", "-m", "-i", drive, file, "::/" + path], check=True)
    # For paths in upper case DOS has no name of its own: what cannot be found again would be lost in silence.
    if listing(drive)["files"] != after["files"]:
        raise SystemExit("the boot partition does not hold the files of %s" % directory)
    write_notes(notes, {path: place_of(os.path.join(directory, path)) for path in after["files"]})


def overwrite(card, offset, drive, path, content):
    """Writes over the beginning of a file, in the clusters that it has."""
    start, size = geometry(card, offset)
    with open(card, "r+b") as device:
        for cluster in clusters(drive, path):
            piece, content = content[:size], content[size:]
            device.seek(offset + start + (cluster - 2) * size)
            device.write(piece)
        device.flush()
        os.fsync(device.fileno())


def geometry(card, offset):
    """Bytes from the partition's beginning to its first cluster, and bytes of a cluster (Microsoft's FAT specification, 3.1)."""
    with open(card, "rb") as device:
        device.seek(offset)
        sector = device.read(512)
    bytes_per_sector, sectors_per_cluster, reserved, tables, root_entries = struct.unpack_from("<HBHBH", sector, 11)
    small, large = struct.unpack_from("<H", sector, 22)[0], struct.unpack_from("<I", sector, 36)[0]
    root_sectors = -(-root_entries * 32 // bytes_per_sector)
    start = (reserved + tables * (small or large) + root_sectors) * bytes_per_sector
    return start, sectors_per_cluster * bytes_per_sector


def clusters(drive, path):
    shown = mtools("mshowfat", drive, path).decode()
    for first, last in re.findall(r"<(\d+)(?:-(\d+))?>", shown):
        yield from range(int(first), int(last or first) + 1)


def listing(drive):
    names = mtools("mdir", drive, "", "-/", "-b").decode().splitlines()
    paths = [name.removeprefix("::/") for name in names]
    return {
        "files": {path for path in paths if not path.endswith("/")},
        "directories": {path.rstrip("/") for path in paths if path.endswith("/")} - {""},
    }


def walk(directory):
    found = {"files": set(), "directories": set()}
    for place, directories, files in os.walk(directory):
        for kind, names in (("directories", directories), ("files", files)):
            found[kind].update(os.path.relpath(os.path.join(place, name), directory) for name in names)
    return found


def place_of(path):
    """Inode and blocks of a file."""
    with open(path, "rb") as file:
        block_size = struct.unpack("i", fcntl.ioctl(file, FIGETBSZ, struct.pack("i", 0)))[0]
        count = -(-os.fstat(file.fileno()).st_size // block_size)
        blocks = [struct.unpack("i", fcntl.ioctl(file, FIBMAP, struct.pack("i", index)))[0] for index in range(count)]
        return {"inode": os.fstat(file.fileno()).st_ino, "blocks": blocks}


def overwritten(then, now):
    """Whether a file lies where it lay, as far as both go: then it was written over, not anew."""
    if then is None or then["inode"] != now["inode"]:
        return False
    common = min(len(then["blocks"]), len(now["blocks"]))
    return common > 0 and then["blocks"][:common] == now["blocks"][:common]


def mtools(command, drive, path, *options):
    return subprocess.run([command, *options, "-i", drive, "::/" + path], check=True, capture_output=True).stdout


def read(path):
    with open(path, "rb") as file:
        return file.read()


def read_notes(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (FileNotFoundError, ValueError):
        return {}


def write_notes(path, notes):
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(notes, file)
    os.replace(path + ".new", path)


if __name__ == "__main__":
    main(*sys.argv[1:])
