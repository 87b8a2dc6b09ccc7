"""Brings one phase on a node to what a payload asks, or takes it away and puts the node back as the phase found it.

Runs on the node as root (or on any machine as a test); program and payload come through stdin. Nothing is written
that is already as it should be. Reports as JSON what it changed.
"""

import datetime
import json
import os

import files
import labels
import packages
import units
from commands import Refused, StepFailed, run_step
from journal import Journal
from receive import bytes_there, receive


def main(payload):
    actions = {"apply": apply, "look": look, "receive": receive, "remove": remove}
    try:
        report = actions[payload["action"]](payload)
    except StepFailed as failure:
        report = {"failed": {"title": failure.title, "output": failure.output}}
    except Refused as error:
        report = {"failed": {"title": None, "output": str(error), **({"next": error.next} if error.next else {})}}
    except OSError as error:
        report = {"failed": {"title": None, "output": str(error)}}
    print(json.dumps(report))


def look(payload):
    """Which files have to be sent before `apply` can begin, and how much of each is here. Changes nothing."""
    record = Journal(payload["records"], payload["phase"]).record
    return {"needs": missing(payload["files"], record)}


def missing(wanted, record):
    needs = [file for file in wanted if not files.in_place(file, record) and files.must_be_sent(file)]
    return [{"path": file["path"], "received": bytes_there(file)} for file in needs]


def apply(payload):
    """Order: packages, since dpkg would ask about a file of ours that lies where the package brings its own; files and
    directories; units, which read them; steps; labels, since the node may have to join first."""
    wanted, wanted_directories, wanted_units = payload["files"], payload["directories"], payload.get("units") or []
    wanted_packages, wanted_labels = payload.get("packages") or [], payload.get("labels")
    journal = Journal(payload["records"], payload["phase"])
    record = journal.record
    needs = missing(wanted, record)
    if needs:
        return {"needs": needs}
    files.check_contents(wanted)

    report = {"packages": [], "wrote": [], "made": [], "removed": [], "restored": [], "kept": [], "ran": []}
    units.capture(journal, wanted_units)
    report["packages"] += packages.bring_about(journal, wanted_packages)

    for file in wanted:
        found = journal.before["files"].get(file["path"])
        if found is not None and (found["kind"] == "block") != bool(file.get("block")):
            tell(report, file["path"], files.release(journal, file["path"]))
    changed = [file for file in wanted if not files.in_place(file, record)]
    files.capture(journal, wanted, changed, wanted_directories)
    kept_paths = {file["path"] for file in wanted}
    obsolete_files = [path for path in journal.before["files"] if path not in kept_paths]
    pending = due_after(payload, record["pending"], {*(file["path"] for file in changed), *obsolete_files})
    # Written before the files: a run that is cut off between files and steps leaves word of the steps still to do.
    record["pending"] = pending
    journal.save()

    report["made"] += [directory["path"] for directory in wanted_directories if files.make_directory(directory)]
    for file in changed:
        files.install(file)
    report["wrote"] += [{"path": file["path"], "size": os.path.getsize(file["path"])} for file in changed]

    names = {unit["name"] for unit in wanted_units}
    obsolete_units = [name for name in journal.before["units"] if name not in names]
    undo(report, units.put_back, journal, obsolete_units, False)
    for path in obsolete_files:
        tell(report, path, files.release(journal, path))
    full = files.put_back_directories(journal, wanted_directories, wanted)
    report["kept"] += ["%s (not empty)" % path for path in full]
    undo(report, units.put_back, journal, obsolete_units, True)
    names_of_packages = {package["name"] for package in wanted_packages}
    obsolete = [name for name in journal.before["packages"] if name not in names_of_packages]
    undo(report, packages.put_back, journal, obsolete, names_of_packages)

    due = {unit["name"] for unit in wanted_units if restart_of(unit) in pending}
    done = units.bring_about(wanted_units, due)
    ran = [step["title"] for step in payload["steps"] if is_due(step, pending) and run_step(step)]
    labelled = labels.bring_about(journal, wanted_labels)

    touched = pending or done or labelled or report["ran"] or any(report[key] for key in report)
    report["ran"] += done + ran + labelled
    complete(journal, payload, touched)
    return report


def complete(journal, payload, touched):
    """Records that all is as wanted; the time tells one repair from the next."""
    record, before = journal.record, journal.before
    for file in payload["files"]:
        files.clear_leftovers(file["path"])
    record["files"] = {file["path"]: files.entry_of(file) for file in payload["files"]}
    directories = payload["directories"]
    record["directories"] = {item["path"]: {key: item[key] for key in ("mode", "owner")} for item in directories}
    record["units"] = {unit["name"]: units.wanted(unit) for unit in payload.get("units") or []}
    record["packages"] = {package["name"]: package["state"] for package in payload.get("packages") or []}
    given = payload.get("labels")
    record["labels"] = given if given and given["labels"] else None
    record["pending"] = []
    for section in ("units", "packages"):
        before[section] = {name: found for name, found in before[section].items() if name in record[section]}
    if not any(found == "absent" for found in before["packages"].values()):
        before["brought"] = []
    # A phase of steps alone leaves nothing that could drift.
    lasting = journal.existed or any(record[key] for key in ("files", "directories", "units", "packages", "labels"))
    if lasting and (touched or record != journal.at_start or record["applied"] is None):
        record["applied"] = now()
        journal.save()
    journal.clear_originals()


def due_after(payload, pending, paths):
    """What is still to do, or to do now, because a file changed: titles of steps, restarts of units."""
    followers = [(step["title"], step.get("after")) for step in payload["steps"]]
    followers += [(restart_of(unit), unit.get("after")) for unit in payload.get("units") or []]
    following = [(title, after) for title, after in followers if after is not None]
    return [title for title, after in following if title in pending or paths.intersection(after)]


def restart_of(unit):
    return "restarted " + unit["name"]


def is_due(step, pending):
    return step.get("after") is None or step["title"] in pending


def remove(payload):
    """Puts the node back as the phase found it, from its record alone. What cannot be put back is no error."""
    journal = Journal(payload["records"], payload["phase"])
    report = {"ran": [], "removed": [], "restored": [], "kept": []}
    undo(report, labels.put_back, journal)
    report["ran"] += [step["title"] for step in payload["removal"] if run_step(step)]
    undo(report, units.put_back, journal, list(journal.before["units"]), False)
    for path in list(journal.before["files"]):
        tell(report, path, files.put_back(journal, path))
    report["kept"] += ["%s (not empty)" % path for path in files.put_back_directories(journal, [], [])]
    undo(report, units.put_back, journal, list(journal.before["units"]), True)
    undo(report, packages.put_back, journal, list(journal.before["packages"]))
    if journal.existed:
        report["ran"] += [step["title"] for step in payload.get("afterRemoval") or [] if run_step(step)]
    journal.forget()
    return report


def undo(report, put_back, *what):
    done, trouble = put_back(*what)
    report["ran"] += done
    report["kept"] += trouble


def tell(report, path, came):
    if came == "lost":
        report["kept"].append("%s (its original is lost)" % path)
    elif came is not None:
        report[came].append(path)


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
