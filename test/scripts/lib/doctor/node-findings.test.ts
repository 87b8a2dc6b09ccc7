import test from "ava";
import { z } from "zod";
import { UserError } from "../../../../stacks/user-error.ts";
import { exampleNode } from "../../../stacks/keys/example.ts";
import { boardFindings, silenceFindings } from "../../../../scripts/lib/doctor/node-findings.ts";
import { exampleSite, finder, healthySeen, ofEachNode, silent, site, withNode } from "./healthy.ts";

const { findsNothing, findsOne, linesOf } = finder(silenceFindings, ofEachNode(boardFindings));

test("a silent node says why, and what to see to", (t) => {
  findsOne(t, withNode("pi-4", silent("pi-4")), /^wrong pi-4: no answer on 192\.168\.7\.14:22 \| check its power/);
  findsOne(t, withNode("pi-4", silent("pi-4", "refused")), /^wrong pi-4: .*refuses the admin key/);
  findsOne(t, withNode("pi-4", silent("pi-4", "host-key")), /^wrong pi-4: .*another SSH host key/);
});

test("a node that no update has reached, and that is silent, may have no card yet; another's host key is wrong", (t) => {
  const seen = healthySeen();
  const resources = seen.stack.resources.filter((name) => name !== "pi-4-k3s");
  const added = { ...seen, stack: { ...seen.stack, resources } };
  findsOne(
    t,
    withNode("pi-4", silent("pi-4"), added),
    /^warning pi-4: .*no update has reached it.*npm run flash -- barn pi-4/,
  );
  findsOne(t, withNode("pi-4", silent("pi-4", "host-key"), added), /^wrong pi-4/);
});

test("a bastion that lets nobody through is told once", (t) => {
  let seen = healthySeen();
  for (const node of ["pi-4", "pi-5"]) seen = withNode(node, silent(node, "unreachable", "bastion"), seen);
  findsOne(t, seen, /^wrong bastion: no answer from bastion gate:22/);
});

test("a node that answers and cannot be read is told with the last word, and the others are looked at", (t) => {
  const broken = new Error(
    'probe.py failed on pi-4:\nTraceback\n  File "probe"\nOSError: [Errno 5] Input/output error',
  );
  findsOne(
    t,
    withNode("pi-4", broken),
    /^wrong pi-4: it answers, but cannot be read: OSError: .*Input\/output error \| see whether its disk works/,
  );
  const sudo = new UserError({
    what: "cannot run Python 3 as root (sudo: a password)",
    where: "pi-4",
    next: "set it up",
  });
  findsOne(
    t,
    withNode("pi-4", sudo),
    /^wrong pi-4: it answers, but cannot be read: cannot run Python 3 as root \(sudo: a password\) \| set it up$/,
  );
  const odd = z.object({ machine: z.string() }).safeParse({}).error ?? new Error("");
  findsOne(t, withNode("pi-4", odd), /cannot be read: .*expected string.*machine/);
});

test("another board than expected", (t) => {
  const { nodes } = site;
  const expecting = (serial: string) => ({
    ...site,
    nodes: { ...nodes, "pi-4": exampleNode({ role: "agent", address: "192.168.7.14", expect: { serial } }) },
  });
  findsOne(t, healthySeen(), /^wrong pi-4: serial is 10000000aabbccdd, not 2 \| put the right board/, expecting("2"));
  findsNothing(t, healthySeen(), expecting("10000000aabbccdd"));
});

test("a card of another generation, or none, and one that was made otherwise", (t) => {
  const { nodes } = site;
  const next = {
    ...site,
    nodes: { ...nodes, "pi-4": exampleNode({ role: "agent", address: "192.168.7.14", generation: 2 }) },
  };
  findsOne(
    t,
    healthySeen(),
    /^wrong pi-4: needs its card of generation 2: the board runs generation 1 \| .*npm run flash -- barn pi-4$/,
    next,
  );
  findsOne(t, withNode("pi-4", { stamp: null }), /^wrong pi-4: needs its card .* no stamp/);
  const zone = exampleSite({ timeZone: "Europe/Madrid" });
  t.true(
    linesOf(healthySeen(), zone).includes(
      "note pi-4: its card was made with another time zone, and stays as it is | to take that up, raise nodes.pi-4.generation to 2 and write the card: npm run flash -- barn pi-4",
    ),
  );
});

test("an adopted node has no card", (t) => {
  const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
  const adopted = {
    ...site,
    nodes: { ...site.nodes, "pi-4": exampleNode({ role: "agent", address: "192.168.7.14", hostKey }) },
  };
  findsNothing(t, withNode("pi-4", { stamp: null }), adopted);
});

test("a wrong clock, beyond what is tolerated", (t) => {
  findsOne(t, withNode("pi-4", { clockSkew: -7300 }), /^wrong pi-4: its clock is 2 h behind.* \| set timeServers/);
  const served = linesOf(withNode("pi-4", { clockSkew: 61 }), exampleSite({ timeServers: ["192.168.7.1"] }));
  t.regex(served[0] ?? "", /^wrong pi-4: .*61 s ahead.* \| see whether it reaches 192\.168\.7\.1/);
  findsNothing(t, withNode("pi-4", { clockSkew: 60 }));
});

test("another cluster's K3s", (t) => {
  findsOne(
    t,
    withNode("pi-4", { facts: { clusterAuthority: "ab".repeat(32) } }),
    /^wrong pi-4: K3s of another cluster is there \(its authority is abababab/,
  );
  findsNothing(t, withNode("pi-4", { facts: { clusterAuthority: null } }));
});

test("a kernel that cannot limit memory", (t) => {
  const cgroup = { version: 2 as const, memory: false, controllers: [] };
  findsOne(
    t,
    withNode("pi-4", { facts: { cgroup } }),
    /^wrong pi-4: its kernel cannot limit memory.*cgroup_enable=memory/,
  );
  findsNothing(t, withNode("pi-4", { facts: { cgroup: null } }));
});

test("a first boot, a reboot that is due, and a kernel of another page size", (t) => {
  findsOne(t, withNode("pi-4", { health: { booted: false } }), /^note pi-4: cloud-init/);
  findsOne(
    t,
    withNode("pi-4", { health: { rebootNeeded: ["a", "a", "b"] } }),
    /^warning pi-4: needs a reboot \(a; b\) \| npm run up -- barn reboots it$/,
  );
  const small = exampleSite({ firmware: { pageSize: 16384 } });
  const [first = "", ...others] = linesOf(withNode("pi-4", { facts: { pageSize: 4096 } }), small);
  t.regex(first, /^warning pi-4: the kernel's pages are 4096 bytes, not 16384 \| which kernel boots/);
  t.false(others.some((line) => line.startsWith("warning")));
});

test("power: what is so now warns, what has been is noted", (t) => {
  findsOne(t, withNode("pi-4", { facts: { supplyMilliamps: 3000 } }), /^warning pi-4: the power supply offers 3000 mA/);
  findsOne(t, withNode("pi-4", { health: { throttled: 0x1 } }), /^warning pi-4: under-voltage now \| give it a supply/);
  findsOne(
    t,
    withNode("pi-4", { health: { throttled: 0x40000 } }),
    /^note pi-4: throttled since boot \| see to its cooling/,
  );
  t.deepEqual(
    linesOf(withNode("pi-4", { health: { throttled: 0x50005 } })).map((line) => line.split(" |")[0]),
    ["warning pi-4: under-voltage now", "warning pi-4: throttled now"],
  );
});
