#!/usr/bin/python3
"""power-meter <directory>: writes each second what only a Raspberry Pi's firmware tells, for the probe, which may not ask it.

<directory>/power      "<Unix ms> <watts>": the whole board's power, an estimate
<directory>/throttled  "<Unix ms> <get_throttled's bits, 0x...>"

A file that the firmware gives nothing for (a Pi 4 has no such power controller) is not written; one that is no longer
written tells by its time that it is old. One long-lived process: a shell would start six programs a second for the same.
"""

import os
import re
import subprocess
import sys
import time

# The sum over the power controller's rails is less than the board draws: parts hang on none of them. A line through readings
# of one board and of a meter at its socket; others' lines are up to 3 % away (github.com/jfikar/RPi5-power, README).
SLOPE = 1.1451
OFFSET = 0.5879


def main(directory):
    os.makedirs(directory, exist_ok=True)
    start = time.monotonic()
    while True:
        publish(directory, "power", watts(firmware("pmic_read_adc")))
        publish(directory, "throttled", throttled(firmware("get_throttled")))
        time.sleep(1 - (time.monotonic() - start) % 1)


def firmware(question):
    """What vcgencmd says; empty where it fails."""
    try:
        return subprocess.run(["vcgencmd", question], stdout=subprocess.PIPE, timeout=5, text=True, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def watts(rails):
    """From `vcgencmd pmic_read_adc`; None without rails. Two of its voltages have no current (EXT5V, BATT) and are no rails."""
    values = {"A": {}, "V": {}}
    for rail, unit, value in re.findall(r"^\s*(\S+)_([AV]) (?:current|volt)\(\d+\)=(\d+(?:\.\d+)?)[AV]$", rails, re.M):
        values[unit][rail] = float(value)
    powers = [ampere * values["V"][rail] for rail, ampere in values["A"].items() if rail in values["V"]]
    return "%.3f" % (SLOPE * sum(powers) + OFFSET) if powers else None


def throttled(answer):
    match = re.fullmatch(r"throttled=(0x[0-9a-f]+)\s*", answer)
    return match and match.group(1)


def publish(directory, name, value):
    """Replaces the file, so that no reader sees half of it. It lies in memory: there is nothing to sync."""
    if value is None:
        return
    path = os.path.join(directory, name)
    with open(path + ".new", "w") as file:
        file.write("%d %s\n" % (time.time() * 1000, value))
    os.replace(path + ".new", path)


if __name__ == "__main__":
    main(sys.argv[1])
