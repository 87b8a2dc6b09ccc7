import test from "ava";
import { stringify } from "yaml";
import type { Site } from "../../../stacks/config/site.ts";
import { installPhase } from "../../../stacks/k3s/install-phase.ts";
import { membershipPhase } from "../../../stacks/k3s/membership-phase.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { phaseSchema, type Phase } from "../../../stacks/remote/phase.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { matchesGolden } from "../../golden.ts";
import { exampleNode, exampleRootSecret, exampleSite } from "../keys/example.ts";

function site(): Site {
  const example = exampleSite();
  example.k3s.images = [{ file: "images/k3s-airgap-images-arm64.tar.zst", sha256: "c".repeat(64) }];
  example.images = [
    { file: "images/runner.tar", sha256: "d".repeat(64) },
    { file: "images/ollama.tar", sha256: "e".repeat(64), nodes: ["pi-2"] },
  ];
  return example;
}
const keys = deriveSiteKeys(exampleRootSecret, site());
const install = (node: string, config = site()) => installPhase(config, node, keys);

/** What a phase does, without the contents. */
function outline({ files, ...rest }: Phase): string {
  const lines = files.map((file) =>
    "block" in file ? `${file.path} (block)` : `${file.mode} ${file.owner} ${file.path}`,
  );
  return stringify({ ...rest, files: lines }, { lineWidth: 0 });
}

for (const node of ["pi-1", "pi-2"])
  test(`K3s's phase on ${node} is as it was`, (t) => {
    matchesGolden(t, `k3s/install-${node}.yaml`, outline(install(node)));
  });

test("an agent's membership is as it was", (t) => {
  matchesGolden(t, "k3s/membership-pi-2.yaml", outline(membershipPhase("pi-1", "pi-2", { disk: "nvme" })));
});

test("what leaves this program is what the runner takes", (t) => {
  for (const phase of [install("pi-1"), install("pi-2"), membershipPhase("pi-1", "pi-2", {})])
    t.deepEqual(phaseSchema.parse(JSON.parse(JSON.stringify(phase))), phase);
});

test("all that holds a secret is for root alone", (t) => {
  const secrets = [
    keys.serverToken,
    keys.joinToken,
    keys.nodePassword("pi-1"),
    keys.nodePassword("pi-2"),
    "PRIVATE KEY",
  ];
  for (const file of [...install("pi-1").files, ...install("pi-2").files])
    if ("content" in file && !("block" in file) && secrets.some((secret) => file.content.includes(secret)))
      t.is(file.mode, "0600", file.path);
});

test("agents get no authority's key", (t) => {
  t.false(install("pi-2").files.some(({ path }) => path.includes("/server/")));
});

test("a restart follows whatever K3s reads, and not its clean-up script", (t) => {
  for (const node of ["pi-1", "pi-2"]) {
    const { files, units } = install(node);
    const paths = files.map(({ path }) => path).filter((path) => !path.includes("clean-up"));
    t.deepEqual(units?.[0]?.after, paths);
  }
});

test("an image for one node goes to that node", (t) => {
  const images = (node: string) => install(node).files.filter(({ path }) => path.endsWith("ollama.tar")).length;
  t.deepEqual([images("pi-1"), images("pi-2")], [0, 1]);
});

test("archives of one name but two contents cannot lie on one node", (t) => {
  const config = site();
  config.images.push({ file: "elsewhere/runner.tar", sha256: "f".repeat(64) });
  t.throws(() => install("pi-1", config), { instanceOf: UserError, message: /both called runner\.tar[^]*rename/ });
  config.images[config.images.length - 1] = { file: "elsewhere/runner.tar", sha256: "d".repeat(64) };
  t.notThrows(() => install("pi-1", config));
});

test("the password that a node proves its name with outlives its card", (t) => {
  const flashed = site();
  flashed.nodes["pi-2"] = exampleNode({ role: "agent", address: "192.168.7.12", generation: 4 });
  const password = (config: Site) =>
    installPhase(config, "pi-2", deriveSiteKeys(exampleRootSecret, config)).files.find(({ path }) =>
      path.endsWith("/password"),
    );
  t.deepEqual(password(flashed), password(site()));
});
