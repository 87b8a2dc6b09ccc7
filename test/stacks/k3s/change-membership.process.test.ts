import type { ExecutionContext } from "ava";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { endpointOf } from "../../../stacks/remote/site-endpoint.ts";
import { phaseSchema } from "../../../stacks/remote/phase.ts";
import { testWithTools } from "../../with-tools.ts";
import { exampleNode, exampleRootSecret, exampleSite } from "../keys/example.ts";
import { fakeServers } from "./fake-servers.ts";

const site = exampleSite();
for (const [name, address] of [
  ["pi-1", "192.168.7.11"],
  ["pi-3", "192.168.7.13"],
] as const)
  site.nodes[name] = exampleNode({ role: "server", address });
const keys = deriveSiteKeys(exampleRootSecret, site);
const [first, second] = [endpointOf(site, "pi-1", keys), endpointOf(site, "pi-3", keys)];

/** pi-2's membership, and the program that keeps it. */
function setUp(t: ExecutionContext) {
  const servers = fakeServers(t, [first, second]);
  servers.setNode("pi-2", "others=yes");
  const run = (action: string, labels: Record<string, string> = { disk: "nvme", "taint llm": ":NoSchedule" }) => {
    const phase = phaseSchema.parse({
      node: "pi-1",
      name: "membership-pi-2",
      files: [],
      directories: [],
      labels: { node: "pi-2", labels },
      steps: [servers.noting("awaited")],
      removal: [servers.noting("drained"), servers.noting("deleted")],
    });
    return servers.run(["k3s/change-membership.ts", action], { endpoint: first, phase, servers: [first, second] });
  };
  return { ...servers, change: run };
}

const onServers = (title: string, run: (t: ExecutionContext) => void) => {
  testWithTools(["python3"], title, run);
};

onServers("a membership is kept on the first server whose API answers, and taken off there", (t) => {
  const { change, log, linesOf, hasRecord } = setUp(t);
  const applied = change("apply");
  t.is(applied.stderr, "");
  t.is(applied.stdout, "pi-1 membership-pi-2: awaited; labelled pi-2 disk=nvme; tainted pi-2 llm:NoSchedule\n");
  t.deepEqual(linesOf("pi-2"), ["disk=nvme", "others=yes", "taint llm=:NoSchedule"]);
  t.true(hasRecord(first, "membership-pi-2"));
  t.is(
    change("remove").stdout,
    "pi-1 membership-pi-2: took label disk off pi-2; took taint llm off pi-2; drained; deleted\n",
  );
  t.deepEqual(log(), ["awaited on 192.168.7.11", "drained on 192.168.7.11", "deleted on 192.168.7.11"]);
  t.false(hasRecord(first, "membership-pi-2"));
});

onServers("another server takes over from one that is off, or whose API is silent", (t) => {
  const { change, off, on, silence, hasRecord } = setUp(t);
  off(first);
  t.regex(change("apply").stdout, /^pi-3 membership-pi-2: awaited; labelled/);
  t.true(hasRecord(second, "membership-pi-2"));
  on(first);
  silence(first);
  t.is(change("apply").stdout, "pi-3 membership-pi-2: awaited\n");
});

onServers("where the server that it was applied on is gone, another one does the steps all the same", (t) => {
  const { change, off, on, log, linesOf, hasRecord } = setUp(t);
  change("apply");
  off(first);
  const removed = change("remove");
  t.is(removed.stderr, "");
  t.is(removed.stdout, "pi-3 membership-pi-2: drained; deleted\n");
  t.deepEqual(log().slice(1), ["drained on 192.168.7.13", "deleted on 192.168.7.13"]);
  t.deepEqual(linesOf("pi-2"), ["disk=nvme", "others=yes", "taint llm=:NoSchedule"], "they go with the Node");
  t.false(hasRecord(second, "membership-pi-2"));

  // It comes back with its old record: a node that joins under the name again gets what is wanted by then, and no more.
  on(first);
  t.true(hasRecord(first, "membership-pi-2"));
  const again = change("apply", { disk: "sd" });
  t.is(again.stdout, "pi-1 membership-pi-2: awaited; labelled pi-2 disk=sd; took taint llm off pi-2\n");
  t.deepEqual(linesOf("pi-2"), ["disk=sd", "others=yes"]);
});

onServers("where no API answers, nothing is applied, and a cluster that is gone keeps no node in the state", (t) => {
  const { change, off, silence, log } = setUp(t);
  off(first);
  silence(second);
  const applied = change("apply");
  t.deepEqual([applied.status, applied.stdout], [1, ""]);
  t.regex(applied.stderr, /^membership-pi-2: no API answers on pi-1, pi-3\n {2}Next: see what is amiss there/);
  const removed = change("remove");
  t.deepEqual([removed.status, removed.stderr], [0, ""]);
  t.is(
    removed.stdout,
    "membership-pi-2: no API answers on pi-1, pi-3; what the cluster knows of the node stays there\n",
  );
  t.deepEqual(log(), []);
});

onServers("a server that goes away in the middle of a removal is no reason to forget the node", (t) => {
  const { change, breakUnder, log } = setUp(t);
  breakUnder(first);
  const removed = change("remove");
  t.is(removed.stdout, "pi-3 membership-pi-2: drained; deleted\n");
  t.regex(removed.stderr, /^pi-1: no answer on .*connection broke: broken pipe\); trying again\n$/);
  t.is(log().length, 2);

  breakUnder(second);
  const failed = change("remove");
  t.deepEqual([failed.status, failed.stdout], [1, ""]);
  t.regex(failed.stderr, /trying again\npi-3: no answer on .*\n {2}Next: /);
});
