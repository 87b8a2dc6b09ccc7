import test from "ava";
import { doctor, type Surroundings } from "../../../../scripts/lib/doctor/command.ts";
import type { StackSeen } from "../../../../scripts/lib/doctor/stack.ts";
import type { Observation } from "../../../../stacks/nodes/observe.ts";
import { NodeUnavailable } from "../../../../stacks/remote/node-unavailable.ts";
import { UserError } from "../../../../stacks/user-error.ts";
import { matchesGolden } from "../../../golden.ts";
import { exampleRootSecret } from "../../../stacks/keys/example.ts";
import { recordsOf, wholeSeen } from "./healthy-records.ts";
import { healthyCluster, lease, member, now, pod, silent, site, withNode } from "./healthy.ts";
import type { Seen } from "../../../../scripts/lib/doctor/seen.ts";

/** A machine from which a site looks like this, with all that it was asked to run on nodes. */
function machine(seen: Seen, changes: Partial<Surroundings> = {}) {
  let text = "";
  const commands: string[][] = [];
  const surroundings: Surroundings = {
    output: { write: (part: string) => (text += part) },
    readSiteStack: () => Promise.resolve({ site, rootSecret: exampleRootSecret, wifiPassword: undefined }),
    readStack: () => Promise.resolve(seen.stack),
    takeBundle: (given) => given,
    observe: ({ node }) => {
      const said = seen.nodes.get(node);
      if (said === undefined || (said instanceof Error && !(said instanceof NodeUnavailable)))
        return Promise.reject(said ?? new Error(node));
      return Promise.resolve<Observation>(said);
    },
    findLiveServer: ([server]) => {
      if (server === undefined || seen.cluster?.through !== server.node) return Promise.resolve(undefined);
      const kubectl = (args: readonly string[], stdin?: string) => {
        refuseInput(stdin);
        commands.push([...args]);
        const items = seen.cluster?.[args[1] as "nodes" | "pods" | "leases"];
        return Promise.resolve({ code: 0, stdout: JSON.stringify({ items }), stderr: "" });
      };
      return Promise.resolve({ endpoint: server, kubectl });
    },
    findNewestBackup: () => Promise.resolve(seen.newestBackup),
    now: () => now,
    ...changes,
  };
  return { surroundings, text: () => text, commands };
}

function refuseInput(stdin: string | undefined): void {
  if (stdin !== undefined) throw new Error(`kubectl was given ${stdin}`);
}

/** A node whose K3s somebody removed: drift, unless the configuration asks for another one anyway. */
function withRecordGone(): Seen {
  const records = recordsOf("pi-4");
  const { k3s } = records;
  const binary = k3s?.files["/usr/local/bin/k3s"];
  if (k3s === undefined || binary === undefined) throw new Error("no K3s on pi-4");
  const files = { ...k3s.files, "/usr/local/bin/k3s": { ...binary, present: null } };
  return withNode("pi-4", { records: { ...records, k3s: { ...k3s, files } } }, wholeSeen());
}

/** A site with something of every kind. */
function sickSeen(): Seen {
  const stack: StackSeen = {
    ...wholeSeen().stack,
    lock: [{ pid: 4711, hostname: "attic", alive: false }],
    pending: ["updating pi-2-k3s"],
  };
  const nodes = (healthyCluster().nodes ?? []).map((node) =>
    node.metadata.name === "pi-3"
      ? member("pi-3", { ready: "Unknown" })
      : node.metadata.name === "pi-2"
        ? member("pi-2", { unschedulable: true, cordonedByUs: true })
        : node,
  );
  const pods = ["block-0", "block-1"].map((name) => pod(name, { phase: "Pending", waiting: "ImagePullBackOff" }));
  const leases = [
    lease("measurement", "threads-1/block-3", "2027-03-01T11:59:55.000000Z"),
    lease("k3s-change-server-0", "pi-2", "2027-03-01T11:00:00.000000Z", {
      "bramble.dev/failed": "pi-2: could not be emptied in 300 s",
    }),
  ];
  let seen = wholeSeen({ stack, cluster: healthyCluster({ nodes, pods, leases }), newestBackup: undefined });
  seen = withNode("pi-3", silent("pi-3"), seen);
  const journal = [
    'time="2027-03-01T11:58:00Z" level=info msg="Starting k3s agent v1.34.2+k3s1"',
    `time="2027-03-01T11:58:01Z" level=fatal msg="Error: failed to validate token K10${"ab".repeat(32)}::node:${seen.keys.agentToken}: https://127.0.0.1:6444/cacerts: 401 Unauthorized"`,
  ];
  seen = withNode("pi-4", { k3s: { unit: "activating", restarts: 12, journal }, health: { throttled: 0x50005 } }, seen);
  const odd = [`password ${seen.keys.nodePassword("pi-5")}`, `root ${exampleRootSecret}`, "panic: runtime error"];
  return withNode(
    "pi-5",
    { k3s: { unit: "failed", journal: odd, diskMegabytes: 31_000, diskFreeMegabytes: 2_000 } },
    seen,
  );
}

test("nothing wrong: it says what was looked at, and its exit code is 0", async (t) => {
  const { surroundings, text } = machine(wholeSeen());
  t.is(await doctor(["barn"], surroundings), 0);
  matchesGolden(t, "doctor/healthy.txt", text());
});

test("a site that is ill is told within 100 columns, and the exit code is 1", async (t) => {
  const { surroundings, text } = machine(sickSeen());
  t.is(await doctor(["barn"], surroundings), 1);
  t.true(
    text()
      .split("\n")
      .every((line) => line.length <= 100),
  );
  matchesGolden(t, "doctor/sick.txt", text());
});

test("as JSON, the same", async (t) => {
  const { surroundings, text } = machine(sickSeen());
  t.is(await doctor(["barn", "--json"], surroundings), 1);
  matchesGolden(t, "doctor/sick.json", text());
});

test("no secret is in it, whatever the journals say", async (t) => {
  const seen = sickSeen();
  for (const args of [["barn"], ["barn", "--json"]]) {
    const { surroundings, text } = machine(seen);
    await doctor(args, surroundings);
    const { keys } = seen;
    for (const secret of [
      exampleRootSecret,
      keys.serverToken,
      keys.agentToken,
      keys.nodePassword("pi-5"),
      "PRIVATE KEY",
      "K10ab",
    ])
      t.false(text().replaceAll(/\s/g, "").includes(secret.replaceAll(/\s/g, "")), secret);
  }
});

test("the cluster is only read", async (t) => {
  const { surroundings, commands } = machine(sickSeen());
  await doctor(["barn"], surroundings);
  t.is(commands.length, 3);
  t.true(
    commands.every(([verb]) => verb === "get"),
    commands.join("\n"),
  );
});

test("everything is dead: it says so, and asks nobody twice", async (t) => {
  let seen = wholeSeen({ cluster: undefined });
  for (const node of seen.nodes.keys()) seen = withNode(node, silent(node), seen);
  const { surroundings, text } = machine(seen, {
    findLiveServer: () => Promise.reject(new Error("a server that did not answer was asked again")),
  });
  t.is(await doctor(["barn"], surroundings), 1);
  t.regex(text(), /Looked at 5 nodes \(0 answered\), no cluster \(no API\s+answered\)/);
});

test("a bundle that is missing is told, and its files are used where it is there", async (t) => {
  const takeBundle = () => {
    throw new UserError({ what: "has no bundle", where: "site barn", next: "fetch it: npm run bundle -- <site>" });
  };
  const without = machine(wholeSeen(), { takeBundle });
  t.is(await doctor(["barn"], without.surroundings), 0);
  t.regex(without.text(), /^warning +bundle +no update can be made.*npm run bundle -- barn$/ms);
  const other = { file: "bundles/barn/k3s", sha256: "2".repeat(64) };
  const changed = machine(withRecordGone(), {
    takeBundle: (given) => ({ ...given, k3s: { ...given.k3s, binary: other } }),
  });
  t.is(await doctor(["barn"], changed.surroundings), 0);
  t.notRegex(changed.text(), /\/usr\/local\/bin\/k3s/);
  const same = machine(withRecordGone());
  await doctor(["barn"], same.surroundings);
  t.regex(same.text(), /\/usr\/local\/bin\/k3s removed/);
});

test("warnings and notes alone are no failure", async (t) => {
  const { surroundings, text } = machine(withNode("pi-4", { health: { rebootNeeded: ["firmware"] } }, wholeSeen()));
  t.is(await doctor(["barn"], surroundings), 0);
  t.regex(text(), /^warning +pi-4 +needs a reboot/m);
  t.regex(text(), /^barn: nothing is wrong; 0 wrong, 1 warning, 0 notes\./m);
});

test("wrong arguments, and help", async (t) => {
  const { surroundings, text } = machine(wholeSeen());
  for (const args of [[], ["barn", "attic"]])
    await t.throwsAsync(doctor(args, surroundings), { instanceOf: UserError, message: /--help/ });
  await t.throwsAsync(doctor(["barn", "--mend"], surroundings), { message: /--mend/ });
  t.is(await doctor(["--help"], surroundings), 0);
  t.regex(text(), /^Usage: npm run doctor -- <stack>/);
  t.regex(text(), /Exit codes: 0 nothing is wrong.*1 something is wrong/);
});
