"""Two phases that begin on a blank node at once: what one sees missing, the other makes before it gets there."""

import json
import os

import journal


def main(payload):
    missing = journal.missing_directories(payload["path"])
    for directory in missing:
        os.mkdir(directory)
    journal.missing_directories = lambda path: missing
    journal.make_directories(payload["path"])
    print(json.dumps({"missing": len(missing)}))
