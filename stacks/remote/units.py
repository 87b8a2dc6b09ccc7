"""systemd units: enabled, active and masked as a phase wants them, and put back as it found them."""

from commands import Refused, StepFailed, attempt, do
from managed import unit_states

WORDS = {"enabled": ("disabled", "enabled"), "active": ("inactive", "active"), "masked": ("unmasked", "masked")}
ABSENT = {"exists": False, "enabled": False, "active": False, "masked": False, "stale": False}
LIMIT = 120
"""Seconds for one change, unless the unit has a limit of its own: systemd waits 90 s for most services."""


def capture(journal, units):
    """Takes down how the units are before the phase first changes them; one that is not there yet is off."""
    new = [unit["name"] for unit in units if unit["name"] not in journal.before["units"]]
    states = unit_states(new)
    for name in new:
        phase, found = journal.found_by_another("units", name)
        journal.before["units"][name] = found if phase else plain(states.get(name, ABSENT))


def wanted(unit):
    return {key: unit[key] for key in WORDS if key in unit}


def bring_about(units, due):
    """Brings units to what is wanted of them; restarts those of `due` that were active. Returns what was done."""
    names = [unit["name"] for unit in units]
    states = fresh_states(names)
    done = []
    for unit in units:
        state = states.get(unit["name"], ABSENT)
        done += change(unit["name"], wanted(unit), state, unit["name"] in due, unit.get("limit", LIMIT))
    if done:
        states = unit_states(names)
        for unit in units:
            verify(unit["name"], wanted(unit), states.get(unit["name"], ABSENT))
    return done


def change(name, wish, state, due=False, limit=LIMIT):
    def systemctl(title, verb):
        done.append(do("%s %s" % (title, name), ["systemctl", verb, "--", name], limit))

    done = []
    if wish.get("masked") is False and state["masked"]:
        systemctl("unmasked", "unmask")
        state = unit_states([name]).get(name, ABSENT)
    if not state["exists"] and (wish.get("enabled") or wish.get("active")):
        raise Refused(
            "there is no unit %s" % name,
            "install the package that brings it, or take the unit out of the configuration; then run `pulumi up` again",
        )
    if "enabled" in wish and wish["enabled"] != state["enabled"]:
        systemctl("enabled", "enable") if wish["enabled"] else systemctl("disabled", "disable")
    if wish.get("active") is False and state["active"]:
        systemctl("stopped", "stop")
    if wish.get("active") and not state["active"]:
        systemctl("started", "start")
    elif due and state["active"] and wish.get("active") is not False:
        systemctl("restarted", "restart")
    if wish.get("masked") and not state["masked"]:
        systemctl("masked", "mask")
    return done


def verify(name, wish, state):
    """A unit that dies as soon as it was started, or that cannot be enabled, is no success."""
    for key, value in wish.items():
        # A mask hides whether the unit is enabled.
        if state[key] != value and not (key == "enabled" and wish.get("masked")):
            said = attempt(["systemctl", "status", "--no-pager", "--lines=10", "--", name], LIMIT)[1]
            raise Refused("%s is still %s\n%s" % (name, word(key, state[key]), said))


def word(key, value):
    return WORDS[key][value]


def fresh_states(names):
    """How units are, after systemd has read their files again where they changed."""
    states = unit_states(names)
    if not any(state["stale"] for state in states.values()):
        return states
    do("reloaded systemd", ["systemctl", "daemon-reload"], LIMIT)
    return unit_states(names)


def put_back(journal, names, files_are_back):
    """Puts units back as they were found; returns (done, trouble). One that is gone with its package has no state.

    What is to stop stops while its files are there; what is to start starts when they are as they were.
    """
    done, trouble = [], []
    states = fresh_states(names)
    for name in names:
        found = journal.before["units"].get(name)
        managed = journal.record["units"].get(name) or wanted_at_interruption(found)
        state = states.get(name, ABSENT)
        if found is None or journal.is_another("units", name) or not (state["exists"] or state["masked"]):
            continue
        wish = {key: found[key] for key in WORDS if key in managed and found[key] != state[key]}
        if not files_are_back:
            wish = {key: value for key, value in wish.items() if key != "masked" and not value}
        try:
            done += change(name, wish, state)
        except (Refused, StepFailed) as error:
            trouble.append("%s (%s)" % (name, str(getattr(error, "output", "") or error).splitlines()[-1]))
    return done, trouble


def wanted_at_interruption(found):
    """Of a phase that was interrupted before its end, any property may have been changed."""
    return plain(found or ABSENT)


def plain(state):
    return {key: state[key] for key in ("exists", "enabled", "active", "masked")}
