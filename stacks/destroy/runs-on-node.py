"""Runs on the node: which runs left journals there, and by what each of them is known."""

import hashlib
import json
import os
import re


def first_line(path):
    """The first line of a journal without its end, or None before that line is whole."""
    with open(path, "rb") as journal:
        line = journal.readline()
    return line[:-1] if line.endswith(b"\n") else None


def read_run(directory):
    """The digests of the first lines of a run's journals: of blocks that began."""
    starts = []
    for name in sorted(os.listdir(directory)):
        if re.fullmatch(r"block-\d+\.ndjson", name):
            start = first_line(os.path.join(directory, name))
            if start is not None:
                starts.append(hashlib.sha256(start).hexdigest())
    return starts


def main(payload):
    """payload: directory, which holds one directory a run. Prints {run-id: [digest, ...]}."""
    directory = payload["directory"]
    names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
    runs = [name for name in names if os.path.isdir(os.path.join(directory, name))]
    print(json.dumps({name: read_run(os.path.join(directory, name)) for name in runs}))
