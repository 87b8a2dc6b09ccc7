"""Labels and taints of a Kubernetes node, set on the server that a phase runs on. Those of others stay.

A taint stands among the labels: under "taint <key>", as "<value>:<effect>".
"""

import time

from commands import Refused, StepFailed, attempt
from managed import TAINT, node_labels

LIMIT = 30
PATIENCE = 60
"""Seconds during which K3s may be silent, or not know the node: it restarts after its configuration changed."""


def bring_about(journal, wanted):
    """Sets labels and removes those that the phase set earlier and no longer wants. Returns what was done."""
    set_before = journal.before["labels"]
    if not set_before and not (wanted and wanted["labels"]):
        return []
    wishes = {node: dict.fromkeys(keys) for node, keys in set_before.items()}
    if wanted:
        wishes.setdefault(wanted["node"], {}).update(wanted["labels"])
    node = wanted["node"] if wanted else None
    present = patiently(node)
    if node and wanted["labels"]:
        set_before[node] = sorted(wishes[node])
        journal.save()
    done = [phrase for name, wish in wishes.items() if name in present for phrase in change(name, wish, present[name])]
    kept = {node: sorted(wanted["labels"])} if node and wanted["labels"] else {}
    journal.before["labels"] = kept
    return done


def patiently(node):
    deadline = time.monotonic() + PATIENCE
    while True:
        present = node_labels()
        if present is not None and (node is None or node in present):
            return present
        if time.monotonic() >= deadline:
            what = "K3s's server does not answer" if present is None else "the cluster has no node %s" % node
            raise Refused(what, "see `systemctl status k3s` on the server and on the node, then run `pulumi up` again")
        time.sleep(1)


def change(node, wish, present):
    """wish: for each key its value, or None for a label or taint that is to go."""
    items = sorted(wish.items())
    setting = [(key, value) for key, value in items if value is not None and present.get(key) != value]
    going = [key for key, value in items if value is None and key in present]
    done = []
    for verb, past in (("label", "labelled"), ("taint", "tainted")):
        ours = [(key, value) for key, value in setting if kind_of(key) == verb]
        gone = [plain(key) for key in going if kind_of(key) == verb]
        if not ours and not gone:
            continue
        words = [argument(key, value) for key, value in ours]
        # In the same request: a taint of another effect would stay beside the new one of its key.
        replaced = [word for key, value in ours for word in other_effects(key, value, present)]
        phrases = ["%s %s %s" % (past, node, ", ".join(words))] if words else []
        phrases += ["took %s %s off %s" % (verb, ", ".join(gone), node)] if gone else []
        patiently_do("; ".join(phrases), kubectl(verb, node, [*words, *replaced, *(key + "-" for key in gone)]))
        done += phrases
    return done


def kubectl(verb, node, changes):
    """As two words: `kubectl taint` does not take node/name (kubernetes/kubectl, pkg/cmd/taint/taint.go)."""
    return ["k3s", "kubectl", verb, "--overwrite", "node", node, *changes]


def kind_of(key):
    return "taint" if key.startswith(TAINT) else "label"


def other_effects(key, value, present):
    """What takes the key's taints of other effects off. Labels have none."""
    if kind_of(key) == "label" or key not in present:
        return []
    effect = value.rpartition(":")[2]
    there = {text.rpartition(":")[2] for text in present[key].split(",")}
    return ["%s:%s-" % (plain(key), other) for other in sorted(there - {effect})]


def plain(key):
    return key[len(TAINT) :] if kind_of(key) == "taint" else key


def argument(key, value):
    """As kubectl takes it; a taint without a value has no equals sign."""
    if kind_of(key) == "taint":
        return plain(key) + (value if value.startswith(":") else "=" + value)
    return "%s=%s" % (key, value)


def patiently_do(title, argv):
    deadline = time.monotonic() + PATIENCE
    while True:
        code, said = attempt(argv, LIMIT)
        if code == 0:
            return
        if time.monotonic() >= deadline:
            raise StepFailed(title, said)
        time.sleep(1)


def put_back(journal):
    """Takes off what the phase set; returns (done, trouble). One try: the cluster may be gone for good."""
    ours = journal.before["labels"]
    present = node_labels() if ours else {}
    if present is None:
        return [], ["labels of %s (K3s does not answer)" % ", ".join(sorted(ours))]
    done, trouble = [], []
    for node in sorted(set(ours) & set(present)):
        for verb in ("label", "taint"):
            there = sorted(set(ours[node]) & set(present[node]))
            going = [plain(key) for key in there if kind_of(key) == verb]
            if not going:
                continue
            failed, said = attempt(kubectl(verb, node, [key + "-" for key in going]), LIMIT)
            if failed:
                trouble.append("%ss of %s (%s)" % (verb, node, (said.splitlines() or [""])[-1]))
            else:
                done.append("took %s %s off %s" % (verb, ", ".join(going), node))
    return done, trouble
