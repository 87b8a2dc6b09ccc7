"""Commands on the node: steps of a phase, and what units, packages and labels are changed with."""

import os
import subprocess
import tempfile
import time


class Refused(Exception):
    """What a person has to mend. next: what to do, where that is more than running the update again."""

    def __init__(self, what, next=None):
        super().__init__(what)
        self.next = next


class StepFailed(Exception):
    def __init__(self, title, output):
        super().__init__(title)
        self.title = title
        self.output = output


def run_step(step):
    """Runs a step unless its check finds nothing to do; True if it ran and is worth a word in the report."""
    if step.get("check") is not None and attempt(step["check"], step["limit"])[0] == 0:
        return False
    deadline = time.monotonic() + step.get("patience", 0)
    while True:
        code, output = attempt(step["run"], step["limit"])
        if code == 0:
            return True
        if time.monotonic() >= deadline:
            if step.get("tolerated"):
                return False
            raise StepFailed(step["title"], output)
        time.sleep(1)


def do(title, argv, limit):
    """Runs a command that must succeed; returns the title."""
    code, output = attempt(argv, limit)
    if code != 0:
        raise StepFailed(title, output)
    return title


def attempt(argv, limit, environment=None, lines=20):
    """Exit code and the last lines of output. A file, not a pipe: what a step leaves running must not hold us up."""
    with tempfile.TemporaryFile() as output:
        try:
            code = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=limit,
                check=False,
                env=None if environment is None else {**os.environ, **environment},
            ).returncode
            trouble = []
        except subprocess.TimeoutExpired:
            code, trouble = 124, ["no end after %d s" % limit]
        except OSError as error:
            code, trouble = 127, [str(error)]
        output.seek(0)
        said = output.read().decode(errors="replace").strip().splitlines()[-lines:]
    return code, "\n".join(said + trouble)
