"""Runs on a node: hands out the probe's samples of a span of time.

Reads a request as JSON from standard input: {"directory": ..., "from": Unix ms, "to": Unix ms}. Answers with the lines
whose time lies in it, deflated, base64; what a power cut tore is left out. Files are named by their hour in UTC.
"""

import base64
import datetime
import json
import os
import sys
import zlib

request = json.load(sys.stdin)
directory, start, end = request["directory"], request["from"], request["to"]


def hour(milliseconds):
    moment = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H.ndjson")


def in_span(line):
    try:
        return start <= json.loads(line)["at"] <= end
    except (ValueError, KeyError, TypeError):
        return False


names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
lines = []
for name in names:
    if hour(start) <= name <= hour(end):
        with open(os.path.join(directory, name), "rb") as samples:
            lines += [line for line in samples.read().split(b"\n") if line and in_span(line)]
content = b"".join(line + b"\n" for line in lines)
print(json.dumps({"lines": len(lines), "data": base64.b64encode(zlib.compress(content)).decode("ascii")}))
