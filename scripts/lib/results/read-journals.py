"""Runs on the node: lists the journals of a run with their digests, or hands out one of them.

Reads a request as JSON from standard input: {"directory": ..., "file": null} for the list, a file's name for its
bytes (deflated, base64). A journal that is still being written is read once: digest and bytes belong together.
"""

import base64
import hashlib
import json
import os
import re
import sys
import zlib

request = json.load(sys.stdin)
directory = request["directory"]


def read(name):
    with open(os.path.join(directory, name), "rb") as journal:
        return journal.read()


def digest(content):
    return hashlib.sha256(content).hexdigest()


def digests(content):
    start, newline, _ = content.partition(b"\n")
    return {"sha256": digest(content), "start": digest(start) if newline else None}


if request["file"] is None:
    names = os.listdir(directory) if os.path.isdir(directory) else []
    journals = [name for name in names if re.fullmatch(r"block-\d+\.ndjson", name)]
    print(json.dumps({name: digests(read(name)) for name in journals}))
else:
    content = read(request["file"])
    data = base64.b64encode(zlib.compress(content)).decode("ascii")
    print(json.dumps({"sha256": digest(content), "data": data}))
