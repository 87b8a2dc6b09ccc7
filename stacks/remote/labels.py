"""Labels of a Kubernetes node, set on the server that a phase runs on. Labels of others stay."""

import time

from commands import Refused, StepFailed, attempt
from managed import node_labels

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
    """wish: for each key its value, or None for a label that is to go."""
    items = sorted(wish.items())
    setting = ["%s=%s" % (key, value) for key, value in items if value is not None and present.get(key) != value]
    going = [key for key, value in items if value is None and key in present]
    if not setting and not going:
        return []
    done = [*(["labelled %s %s" % (node, ", ".join(setting))] if setting else [])]
    done += ["took label %s off %s" % (", ".join(going), node)] if going else []
    argv = ["k3s", "kubectl", "label", "--overwrite", "node/" + node, *setting, *(key + "-" for key in going)]
    deadline = time.monotonic() + PATIENCE
    while True:
        code, said = attempt(argv, LIMIT)
        if code == 0:
            return done
        if time.monotonic() >= deadline:
            raise StepFailed("; ".join(done), said)
        time.sleep(1)


def put_back(journal):
    """Takes off the labels that the phase set; returns (done, trouble). One try: the cluster may be gone for good."""
    ours = journal.before["labels"]
    present = node_labels() if ours else {}
    if present is None:
        return [], ["labels of %s (K3s does not answer)" % ", ".join(sorted(ours))]
    done, trouble = [], []
    for node in sorted(set(ours) & set(present)):
        going = sorted(set(ours[node]) & set(present[node]))
        if going:
            argv = ["k3s", "kubectl", "label", "node/" + node, *(key + "-" for key in going)]
            failed, said = attempt(argv, LIMIT)
            if failed:
                trouble.append("labels of %s (%s)" % (node, (said.splitlines() or [""])[-1]))
            else:
                done.append("took label %s off %s" % (", ".join(going), node))
    return done, trouble
