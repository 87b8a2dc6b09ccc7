"""What Bramble manages on a node, as it is there now: files, directories, units, packages, labels; and the records.

Shared by apply.py and its modules, which change a node, and probe.py, which reads one: nothing here changes anything.
Python 3.9 and later, standard library only.
"""

import glob
import grp
import hashlib
import json
import os
import pwd
import re
import stat
import subprocess

BLOCK_BEGIN = "# begin bramble: kept by Bramble, changes inside are undone by the next `pulumi up`"
BLOCK_END = "# end bramble"
BLOCK = re.compile("^%s\n(.*?)^%s(?:\n|\\Z)" % (re.escape(BLOCK_BEGIN), re.escape(BLOCK_END)), re.M | re.S)

QUERY_LIMIT = 5
"""Seconds that a question to systemd, dpkg or K3s may take."""

# kubectl keeps a cache of what its server can do, by default in root's home: nothing of ours may stay there.
os.environ["KUBECACHEDIR"] = "/run/bramble/kubectl"


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
        if not os.path.isfile(path):
            return {"sha256": None}
        text = block_in(read_text(path))
        return None if text is None else {"sha256": hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()}
    if not stat.S_ISREG(status.st_mode):
        return {"sha256": None, "mode": None, "owner": None}
    unchanged = recorded is not None and recorded.get("stat") == stat_of(path)
    return {"sha256": recorded["sha256"] if unchanged else digest_of(path), **permissions(status)}


def describe_directory(path):
    """Mode and owner of a directory (or of the one that a link leads to), or None where there is none."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return permissions(status) if stat.S_ISDIR(status.st_mode) else None


def permissions(status):
    return {
        "mode": "%04o" % stat.S_IMODE(status.st_mode),
        "owner": "%s:%s" % (user_name(status.st_uid), group_name(status.st_gid)),
    }


def wanted(file):
    """A managed file as `describe` would describe it once it is in place."""
    if file.get("block"):
        return {"sha256": file["sha256"]}
    return {"sha256": file["sha256"], "mode": file["mode"], "owner": file["owner"]}


def read_text(path):
    """A file's text such that writing it back gives the same bytes: no line end is translated."""
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
        return file.read()


def block_in(text):
    """The text between Bramble's markers, or None."""
    found = BLOCK.search(text)
    return found.group(1) if found else None


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


def unit_states(names):
    """For each unit that systemd says something of: {exists, enabled, active, masked, stale}. One call: a Pi is slow.

    A static unit, or one that a generator made, counts as not enabled: `systemctl disable` could not change it.
    stale: systemd has not read the unit's files as they are now.
    """
    properties = "Names,LoadState,UnitFileState,ActiveState,NeedDaemonReload"
    text = answer("systemctl", "show", "--property=" + properties, "--", *names) if names else ""
    states = {}
    for paragraph in re.split(r"\n\s*\n", text or ""):
        seen = dict(line.partition("=")[::2] for line in paragraph.strip().splitlines())
        load, unit_file = seen.get("LoadState", ""), seen.get("UnitFileState", "")
        state = {
            "exists": load not in ("", "not-found"),
            "enabled": unit_file in ("enabled", "enabled-runtime", "alias"),
            # Half-way there is not "inactive": a unit that is just starting has not drifted.
            "active": seen.get("ActiveState") in ("active", "activating", "reloading", "refreshing"),
            "masked": load == "masked" or unit_file.startswith("masked"),
            "stale": seen.get("NeedDaemonReload") == "yes",
        }
        states.update({name: state for name in seen.get("Names", "").split() if name in names})
    return states


def package_states(names):
    """dpkg's two or three letters for each package that it knows ("ii"); None where there is no dpkg to ask."""
    if not names:
        return {}
    # Exit code 1 when it does not know one of them: the others are printed all the same.
    text = answer("dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Abbrev}\n", "--", *names)
    if text is None:
        return None
    rows = [line.split() for line in text.splitlines() if line.strip()]
    # Of several architectures the one that is installed counts.
    return {row[0]: row[1] for row in sorted(rows, key=lambda row: is_installed(row[1]))}


def is_installed(letters):
    """Unpacked is not installed: a power cut can leave a package half-way."""
    return letters is not None and letters[1:2] == "i"


def package_state(states, name):
    return "installed" if is_installed(states.get(name)) else "absent"


TAINT = "taint "
"""What stands before a taint's key among a node's labels; no label's key holds a blank."""


def node_labels():
    """The labels and taints of each of the cluster's nodes, or None where K3s's server does not answer."""
    text = answer("k3s", "kubectl", "get", "nodes", "--output=json", "--request-timeout=4s")
    try:
        items = json.loads(text or "")["items"]
        return {item["metadata"]["name"]: {**item["metadata"].get("labels", {}), **taints_of(item)} for item in items}
    except (ValueError, KeyError, TypeError):
        return None


def taints_of(item):
    taints = {}
    for taint in (item.get("spec") or {}).get("taints") or []:
        taints.setdefault(TAINT + taint["key"], []).append("%s:%s" % (taint.get("value", ""), taint["effect"]))
    return {key: ",".join(values) for key, values in taints.items()}


def answer(*argv):
    """What a command prints, or None where it cannot be run or does not end."""
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=QUERY_LIMIT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace")


def record_path(records, phase):
    return os.path.join(records, phase + ".json")


def read_record(records, phase):
    """What a phase installed and what it found before, or None where it never did."""
    try:
        with open(record_path(records, phase), encoding="utf-8") as file:
            record = json.load(file)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return record if isinstance(record, dict) and "before" in record else None


def read_records(records):
    names = sorted(os.path.basename(path)[: -len(".json")] for path in glob.glob(os.path.join(records, "*.json")))
    found = {name: read_record(records, name) for name in names}
    return {name: record for name, record in found.items() if record is not None}


def seen_records(directory):
    """For each phase's record what was installed, and what is there now; null where that could not be seen."""
    records = read_records(directory)
    units = unit_states(sorted({name for record in records.values() for name in record["units"]}))
    packages = package_states(sorted({name for record in records.values() for name in record["packages"]}))
    labels = node_labels() if any(record["labels"] for record in records.values()) else None
    return {phase: seen(record, units, packages, labels) for phase, record in records.items()}


def seen(record, units, packages, labels):
    return {
        "applied": record["applied"],
        "pending": record["pending"],
        "files": {
            path: {
                "installed": {key: entry[key] for key in ("sha256", "mode", "owner") if key in entry},
                "present": describe(path, entry["block"], entry),
            }
            for path, entry in record["files"].items()
        },
        "directories": {
            path: {"installed": installed, "present": describe_directory(path)}
            for path, installed in record["directories"].items()
        },
        "units": {
            name: {"installed": installed, "present": seen_unit(units.get(name))}
            for name, installed in record["units"].items()
        },
        "packages": {
            name: {"installed": installed, "present": None if packages is None else package_state(packages, name)}
            for name, installed in record["packages"].items()
        },
        "labels": seen_labels(record["labels"], labels),
    }


def seen_unit(state):
    return None if state is None else {key: state[key] for key in ("enabled", "active", "masked")}


def seen_labels(installed, labels):
    if not installed:
        return None
    present = (labels or {}).get(installed["node"])
    return {
        "node": installed["node"],
        "installed": installed["labels"],
        "present": None if present is None else {key: present.get(key) for key in installed["labels"]},
    }
