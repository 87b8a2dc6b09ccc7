"""Debian packages: installed from the node's own sources, or absent; and put back as a phase found them."""

from commands import Refused, StepFailed, attempt
from managed import is_installed, package_state, package_states

LIMIT = 1800
"""Seconds for one run of apt: an SD card and a thin link are slow together."""
# needrestart on Ubuntu: name the services, but restart none of them behind our back.
QUIET = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "l", "LC_ALL": "C"}
APT = [
    "apt-get",
    "--yes",
    # unattended-upgrades and apt-daily hold the lock for minutes after a boot.
    "--option=DPkg::Lock::Timeout=300",
    # A file that was changed on purpose stays: a question would wait for ever.
    "--option=Dpkg::Options::=--force-confdef",
    "--option=Dpkg::Options::=--force-confold",
]


def bring_about(journal, packages):
    """Installs and removes packages; saves the journal before the first change. Returns what was done."""
    if not packages:
        return []
    names = [package["name"] for package in packages]
    states = package_states(names)
    if states is None:
        raise Refused("there is no dpkg, so packages (%s) cannot be managed" % ", ".join(names))
    for name in names:
        phase, found = journal.found_by_another("packages", name)
        journal.before["packages"].setdefault(name, found if phase else package_state(states, name))
    wanted = {package["name"]: package["state"] for package in packages}
    missing = [name for name in names if wanted[name] == "installed" and not is_installed(states.get(name))]
    surplus = [name for name in names if wanted[name] == "absent" and is_installed(states.get(name))]
    if missing or surplus:
        finish_interrupted()
    if missing:
        install(journal, missing)
    if surplus:
        remove(journal, surplus)
    return phrases("installed", missing) + phrases("uninstalled", surplus)


def install(journal, names):
    code, said = plan = simulate("install", names)
    if code != 0:
        # A fresh image may have no lists yet, or old ones.
        attempt([*APT, "update"], LIMIT, QUIET)
        code, said = plan = simulate("install", names)
    if code == 0:
        brought = {name for name, is_new in planned(said, "Inst") if is_new} - set(names)
        journal.before["brought"] = sorted({*journal.before["brought"], *brought})
        journal.save()
        plan = apt("install", names)
        if plan[0] != 0:
            # Lists that are older than the archive name files that it has no longer.
            attempt([*APT, "update"], LIMIT, QUIET)
            plan = apt("install", names)
    if plan[0] != 0:
        raise Refused(
            "%s cannot be installed:\n%s" % (" ".join(names), indented(plan[1])),
            "give the node a way to its package sources (a gateway, a proxy, a mirror: "
            "`sudo apt-get update` must work there), or install %s by hand; then run `pulumi up` again"
            % " ".join(names),
        )


def remove(journal, names):
    code, said = simulate("remove", names)
    others = sorted({name for name, _ in planned(said, "Remv")} - set(names))
    if code == 0 and others:
        raise Refused(
            "removing %s would remove %s as well" % (" ".join(names), " ".join(others)),
            "remove them on the node first if that is wanted, then run `pulumi up` again",
        )
    journal.save()
    code, said = apt("remove", names)
    if code != 0:
        raise StepFailed("uninstalled %s" % " ".join(names), said)


def put_back(journal, names, still_wanted=()):
    """Purges what the phase installed, with what came along unless others need it by now; installs what it removed.

    Returns (done, trouble): a node without a way to its package sources must not keep a phase from going.
    """
    names = [name for name in names if name in journal.before["packages"] and not journal.is_another("packages", name)]
    brought = [name for name in journal.before["brought"] if not journal.is_another("packages", name)]
    states = package_states([*names, *brought]) if names else {}
    if not names or states is None:
        return [], []
    found = journal.before["packages"]
    # Its configuration files remain of a package that was removed: they would be read again one day.
    ours = [name for name in names if found[name] == "absent" and states.get(name, "un") != "un"]
    theirs = [name for name in names if found[name] == "installed" and not is_installed(states.get(name))]
    along = [name for name in brought if states.get(name, "un") != "un"] if ours else []
    done, trouble = [], []
    if ours or theirs:
        finish_interrupted()
    if ours:
        for chosen in ([*ours, *along], ours):
            code, said = simulate("purge", chosen)
            going = {name for verb in ("Remv", "Purg") for name, _ in planned(said, verb)}
            if code == 0 and going <= set(chosen) and not going & set(still_wanted):
                code, said = apt("purge", chosen)
                break
        else:
            code = 1
            said = "%s needs it" % " ".join(sorted(going - set(ours))) if going - set(ours) else said
        if code == 0:
            done += phrases("uninstalled", ours)
        else:
            trouble.append("%s (%s)" % (" ".join(ours), last_line(said)))
    if theirs:
        code, said = apt("install", theirs)
        if code == 0:
            done += phrases("reinstalled", theirs)
        else:
            what = "%s was here before and cannot be installed again" % " ".join(theirs)
            trouble.append("%s (%s)" % (what, last_line(said)))
    return done, trouble


def finish_interrupted():
    """After a power cut in the middle of dpkg nothing else goes on before this."""
    attempt(["dpkg", "--configure", "-a", "--force-confdef", "--force-confold"], LIMIT, QUIET)


def apt(verb, names):
    recommends = ["--no-install-recommends"] if verb == "install" else []
    return attempt([*APT, verb, *recommends, "--", *names], LIMIT, QUIET)


def simulate(verb, names):
    recommends = ["--no-install-recommends"] if verb == "install" else []
    return attempt([*APT, "--simulate", verb, *recommends, "--", *names], LIMIT, QUIET, lines=2000)


def planned(said, verb):
    """(name, whether it is new) of each package that a simulation names: `Inst name [old] (new ...)`."""
    rows = [line.split() for line in said.splitlines() if line.startswith(verb + " ")]
    return [(row[1].partition(":")[0], len(row) < 3 or not row[2].startswith("[")) for row in rows]


def phrases(verb, names):
    return ["%s %s" % (verb, ", ".join(names))] if names else []


def indented(text):
    return "\n".join("    " + line for line in text.splitlines()[-8:])


def last_line(text):
    return (text.strip().splitlines() or ["no reason given"])[-1]
