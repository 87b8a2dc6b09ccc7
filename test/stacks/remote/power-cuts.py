"""Cuts apply.py off before each of its changes to a disk, runs it again, and compares what comes of it. A test.

Every cut is a process that ends before the n-th change. systemd, dpkg, apt and K3s are stood in for by a file.
"""

import json
import os
import shutil
import stat
import sys

import apply
import commands
import labels
import managed
import packages
import units

CUT = 77
"""Exit code of a process that was cut off."""
ENOUGH = 1000


def main(payload):
    real = {name: getattr(os, name) for name in CHANGES}
    owner = payload["owner"]
    node = Node(payload["directory"], owner, real)
    failures, cuts = [], {}
    for case in cases(node, payload["phases"]):
        cuts[case["name"]] = try_case(node, case, failures)
    print(json.dumps({"cuts": cuts, "failures": failures}))


def cases(node, phases):
    first, second = phases
    apply_first, apply_second = [{"action": "apply", **phase} for phase in phases]
    remove_first = {"action": "remove", "phase": first["phase"], "removal": [], "afterRemoval": first["afterRemoval"]}
    return [
        {"name": "apply, then apply", "earlier": [], "cut": apply_first, "then": apply_first},
        {"name": "apply, then remove", "earlier": [], "cut": apply_first, "then": remove_first},
        {"name": "update, then update", "earlier": [apply_first], "cut": apply_second, "then": apply_second},
        {"name": "update, then back", "earlier": [apply_first], "cut": apply_second, "then": apply_first},
        {"name": "update, then remove", "earlier": [apply_first], "cut": apply_second, "then": remove_first},
        {"name": "remove, then remove", "earlier": [apply_first], "cut": remove_first, "then": remove_first},
        {"name": "remove, then apply", "earlier": [apply_first], "cut": remove_first, "then": apply_first},
    ]


def try_case(node, case, failures):
    """How many places there were to cut at. Fails where the end is another than without a cut, or not an end."""
    removes = case["then"]["action"] == "remove"
    node.start([] if removes else case["earlier"])
    # A phase that is gone leaves the node as it was before it came.
    expected = node.tree() if removes else node.run(case["then"]) and node.tree()
    for place in range(1, ENOUGH):
        node.start(case["earlier"])
        if node.run(case["cut"], place) != CUT:
            return place - 1
        node.run(case["then"])
        difference = sorted(set(node.tree()) ^ set(expected))
        if case["name"] == "update, then back":
            # What the update found in its turn is on record now.
            difference = [line for line in difference if not line.startswith("state/")]
        if difference:
            failures.append({"case": case["name"], "place": place, "difference": difference})
        at_rest = node.tree(times=True)
        node.run(case["then"])
        if node.tree(times=True) != at_rest:
            failures.append({"case": case["name"], "place": place, "again": "something was written"})
    return ENOUGH


CHANGES = ("rename", "unlink", "rmdir", "mkdir", "symlink", "chmod", "chown", "fchmod", "fchown", "fsync", "open")


class Node:
    def __init__(self, directory, owner, real):
        self.directory, self.owner, self.real = directory, owner, real
        self.disk = os.path.join(directory, "disk")
        self.records = os.path.join(self.disk, "state", "phases")
        self.copies = {}

    def start(self, earlier):
        """The node as it was before any phase, or (from a copy) after earlier ones."""
        key = json.dumps(earlier)
        shutil.rmtree(self.disk, ignore_errors=True)
        if key not in self.copies:
            self.build()
            for payload in earlier:
                self.run(payload)
            self.copies[key] = os.path.join(self.directory, "copy-%d" % len(self.copies))
            shutil.copytree(self.disk, self.copies[key], symlinks=True)
            shutil.rmtree(self.disk)
        shutil.copytree(self.copies[key], self.disk, symlinks=True)

    def build(self):
        os.mkdir(self.disk)
        for name, text, mode in (("a", "theirs", 0o604), ("same", "one", 0o640), ("hosts", "no end", 0o644)):
            with open(os.path.join(self.disk, name), "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(os.path.join(self.disk, name), mode)
        os.symlink("nowhere", os.path.join(self.disk, "link"))
        os.mkdir(os.path.join(self.disk, "directory"), 0o711)
        Services(self.disk).write(
            {
                "units": {
                    "on.timer": {"enabled": True, "active": True},
                    "k3s.service": {"enabled": False, "active": False},
                },
                "masked": [],
                "packages": {"there": "ii"},
                "labels": {"others": "label"},
                "loaded": {},
            }
        )

    def run(self, payload, place=ENOUGH):
        """Exit code of a process that runs the payload and ends before its change number `place`."""
        child = os.fork()
        if child == 0:
            try:
                self.watch(place)
                sys.stdout = open(os.devnull, "w", encoding="utf-8")
                action = {"apply": apply.apply, "remove": apply.remove}[payload["action"]]
                action({**payload, "records": self.records})
                os._exit(0)
            except BaseException as error:
                print(repr(error), file=sys.stderr)
                os._exit(1)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code not in (0, CUT):
            raise RuntimeError("%s ended with %d" % (payload["action"], code))
        return CUT if code == CUT else True

    def watch(self, place):
        left = [place]

        def count():
            left[0] -= 1
            if left[0] == 0:
                os._exit(CUT)

        def watched(name):
            def change(*args, **options):
                reads = name == "open" and not args[1] & os.O_CREAT
                if not reads:
                    count()
                return None if name == "fsync" else self.real[name](*args, **options)

            return change

        for name in CHANGES:
            setattr(os, name, watched(name))
        services = Services(self.disk, count)
        managed.answer = services.answer
        for module in (commands, units, packages, labels):
            module.attempt = services.attempt

    def tree(self, times=False):
        """A line for each thing on the disk; without times unless asked for."""
        found = []
        for parent, directories, names in os.walk(self.disk):
            for name in [*directories, *names]:
                path = os.path.join(parent, name)
                status = os.lstat(path)
                line = "%s %o" % (os.path.relpath(path, self.disk), stat.S_IMODE(status.st_mode))
                if os.path.islink(path):
                    line += " -> " + os.readlink(path)
                elif os.path.isfile(path):
                    line += " " + self.content(path)
                if times and not name == Services.NAME:
                    line += " %d %d" % (status.st_ino, status.st_mtime_ns)
                found.append(line)
        return sorted(found)

    def content(self, path):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if not path.startswith(self.records):
            return text
        record = json.loads(text)
        record["applied"] = bool(record["applied"])
        for entry in record["files"].values():
            entry.pop("stat", None)
        return json.dumps(record, sort_keys=True)


class Services:
    """What systemd, dpkg, apt and K3s know, as a file on the node's disk."""

    NAME = "services.json"
    ARCHIVE = {"nftables": ["library"], "library": []}

    def __init__(self, disk, count=None):
        self.disk, self.count = disk, count

    def read(self):
        with open(os.path.join(self.disk, self.NAME), encoding="utf-8") as file:
            return json.load(file)

    def write(self, state):
        with open(os.path.join(self.disk, self.NAME), "w", encoding="utf-8") as file:
            json.dump(state, file, sort_keys=True)

    def answer(self, *argv):
        state = self.read()
        if argv[0] == "dpkg-query":
            return "".join("%s %s\n" % item for item in state["packages"].items() if item[0] in argv)
        if argv[0] == "k3s":
            return json.dumps({"items": [{"metadata": {"name": "pi-2", "labels": state["labels"]}}]})
        return "\n".join(self.show(state, name) for name in argv[4:] or argv[argv.index("--") + 1 :])

    def show(self, state, name):
        unit, masked = state["units"].get(name), name in state["masked"]
        load = "masked" if masked else "loaded" if unit else "not-found"
        file = "masked" if masked else {None: "", True: "enabled", False: "disabled"}[unit and unit["enabled"]]
        active = "active" if unit and unit["active"] else "inactive"
        form = "Names=%s\nLoadState=%s\nUnitFileState=%s\nActiveState=%s\nNeedDaemonReload=no\n"
        return form % (name, load, file, active)

    def attempt(self, argv, limit, environment=None, lines=20):
        words = [word for word in argv if not word.startswith("--")]
        state = self.read()
        if "--simulate" in argv:
            return self.simulate(state, words)
        self.count()
        if words[0] == "systemctl":
            self.systemctl(state, *words[1:3])
        elif words[0] == "apt-get":
            self.apt(state, words[1], words[2:])
        elif words[:3] == ["k3s", "kubectl", "label"]:
            for word in words[4:]:
                key, found, value = word.partition("=")
                state["labels"].pop(key.rstrip("-"), None)
                state["labels"].update({key: value} if found else {})
        elif words[0] == "load":
            self.load(state, words[1])
        elif words[0] == "unload":
            state["loaded"].pop(words[1], None)
        self.write(state)
        # What was done and what is done next may be apart, too.
        self.count()
        return 0, ""

    def systemctl(self, state, verb, name):
        unit = state["units"].get(name)
        if verb in ("mask", "unmask"):
            state["masked"] = [other for other in state["masked"] if other != name] + ([name] if verb == "mask" else [])
        elif verb in ("enable", "disable"):
            unit["enabled"] = verb == "enable"
        else:
            unit["active"] = verb != "stop"
            if verb == "stop":
                state["loaded"].pop("c", None)
            elif name == "k3s.service":
                self.load(state, "c")

    def load(self, state, name):
        with open(os.path.join(self.disk, name if name == "a" else "made/deep/c"), encoding="utf-8") as file:
            state["loaded"][name] = file.read()

    def simulate(self, state, words):
        mark = {"install": "Inst", "purge": "Purg", "remove": "Remv"}[words[1]]
        names = words[2:]
        if words[1] == "install":
            names = [need for name in names for need in [*self.ARCHIVE.get(name, []), name]]
            names = [name for name in names if state["packages"].get(name) != "ii"]
        return 0, "\n".join("%s %s" % (mark, name) for name in names)

    def apt(self, state, verb, names):
        for name in names:
            if verb == "install":
                state["packages"].update({need: "ii" for need in [*self.ARCHIVE.get(name, []), name]})
            elif verb == "purge":
                state["packages"].pop(name, None)
            else:
                state["packages"][name] = "rc"
