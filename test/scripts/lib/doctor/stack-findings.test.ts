import test from "ava";
import type { StackSeen } from "../../../../scripts/lib/doctor/stack.ts";
import { bundleFindings, stackFindings } from "../../../../scripts/lib/doctor/stack-findings.ts";
import { UserError } from "../../../../stacks/user-error.ts";
import { finder, healthySeen } from "./healthy.ts";

const { findsOne, linesOf } = finder(stackFindings, (_, seen) => bundleFindings(seen));

const withStack = (changes: Partial<StackSeen>) => {
  const seen = healthySeen();
  return { ...seen, stack: { ...seen.stack, ...changes } };
};
const owner = (alive: boolean | undefined) => ({ pid: 4711, hostname: "attic", alive });

test("the state's lock: of a process that is gone, of a living one, of another machine's", (t) => {
  findsOne(
    t,
    withStack({ lock: [owner(false)] }),
    /^warning stack: the state's lock is held by process 4711, which is gone \| npm run up -- barn clears it/,
  );
  findsOne(t, withStack({ lock: [owner(true)] }), /^note stack: an update runs: process 4711 on this machine/);
  findsOne(
    t,
    withStack({ lock: [owner(undefined)] }),
    /^warning stack: the state's lock is held by process 4711 on attic \| .*npm run pulumi -- cancel --stack barn/,
  );
  const both = linesOf(withStack({ lock: [owner(true), { ...owner(false), pid: 12 }] }));
  t.regex(
    both.join("\n"),
    /^warning stack: process 12, which is gone, holds the state's lock too \| when the other has ended/m,
  );
});

test("operations that an update left, unless it still runs", (t) => {
  const pending = ["a", "b", "c", "d", "e"].map((name) => `creating ${name}`);
  findsOne(
    t,
    withStack({ pending }),
    /^warning stack: an update was cut off: creating a, creating b, creating c, creating d, 1 more \| npm run up -- barn/,
  );
  findsOne(t, withStack({ pending, lock: [owner(true)] }), /^note stack: an update runs/);
});

test("a node that left the configuration and not yet the site", (t) => {
  const { resources } = healthySeen().stack;
  findsOne(
    t,
    withStack({ resources: [...resources, "pi-9-k3s", "pi-9-access"] }),
    /^note stack: pi-9 is no longer in the configuration/,
  );
});

test("artefacts that are missing on this machine", (t) => {
  const bundleProblem = new UserError({
    what: "has no bundle; missing are\n  - k3s.binary",
    where: "site barn",
    next: "npm run bundle -- <site>",
  });
  findsOne(
    t,
    healthySeen({ bundleProblem }),
    /^warning bundle: no update can be made.*: site barn: has no bundle; missing are\n {2}- k3s\.binary \| npm run bundle -- barn$/,
  );
});
