"""Runs on the node: lists the journals of a run with their digests, or sends one of them.

Reads a request as JSON from standard input: {"directory": ..., "file": null} for the list; {"directory", "file", "size",
"sha256"} for a file from the byte on where what has arrived of it ends: so many bytes of this digest. Where they are not
the file's beginning, it is sent from its first byte on.

A file comes as a line of JSON, {"start": first byte, "size": bytes of the whole, "sha256": of the whole}, and pieces: a byte
that says how it is packed (0 not at all, 1 by zlib), four bytes of its packed length, big-endian, and the packed bytes. A
journal that is still being written is sent as it was at one moment: digest and bytes belong together.
"""

import hashlib
import json
import os
import re
import struct
import sys
import time
import zlib

PIECE = 1 << 20
# Pieces that are sent unpacked before packing is tried again: a link may become thin.
PROBE = 16


def list_journals(directory):
    names = os.listdir(directory) if os.path.isdir(directory) else []
    journals = [name for name in names if re.fullmatch(r"block-\d+\.ndjson", name)]
    print(json.dumps({name: digests(os.path.join(directory, name)) for name in journals}))


def digests(path):
    with open(path, "rb") as journal:
        first = journal.readline()
        rest = hashlib.sha256(first)
        while piece := journal.read(PIECE):
            rest.update(piece)
    whole = first.endswith(b"\n")
    return {"sha256": rest.hexdigest(), "start": hashlib.sha256(first[:-1]).hexdigest() if whole else None}


def send(path, arrived, arrived_digest, out):
    with open(path, "rb") as journal:
        size = os.fstat(journal.fileno()).st_size
        whole, start = hashlib.sha256(), 0
        if 0 < arrived <= size:
            update(whole, journal, arrived)
            if whole.hexdigest() == arrived_digest:
                start = arrived
            else:
                journal.seek(0)
                whole = hashlib.sha256()
        update(whole, journal, size - journal.tell())
        header = {"start": start, "size": size, "sha256": whole.hexdigest()}
        out.write(json.dumps(header).encode() + b"\n")
        journal.seek(start)
        send_pieces(journal, size - start, out)


def update(digest, journal, size):
    while size > 0 and (piece := journal.read(min(PIECE, size))):
        digest.update(piece)
        size -= len(piece)


def send_pieces(journal, size, out):
    """Packs as long as that is quicker than the link: over a thin one nearly always, over a fast one never."""
    plain = 0
    while size > 0 and (piece := journal.read(min(PIECE, size))):
        size -= len(piece)
        began = time.monotonic()
        packed = zlib.compress(piece, 1) if plain == 0 else piece
        ready = time.monotonic()
        out.write(struct.pack(">BI", int(plain == 0), len(packed)) + packed)
        out.flush()
        if plain > 0:
            plain -= 1
        elif (ready - began) > (time.monotonic() - ready) * (len(piece) / len(packed) - 1):
            # Packing took longer than what it spared the link.
            plain = PROBE


def main():
    request = json.loads(sys.stdin.buffer.readline())
    if request["file"] is None:
        list_journals(request["directory"])
    else:
        path = os.path.join(request["directory"], request["file"])
        send(path, request["size"], request["sha256"], sys.stdout.buffer)


main()
