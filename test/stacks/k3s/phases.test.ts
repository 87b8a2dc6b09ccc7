import test from "ava";
import { stringify } from "yaml";
import type { z } from "zod";
import { workloadImage } from "../../../stacks/config/artefact.ts";
import type { Site } from "../../../stacks/config/site.ts";
import { installPhase } from "../../../stacks/k3s/install-phase.ts";
import { membershipPhase } from "../../../stacks/k3s/membership-phase.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { phaseSchema, type Phase } from "../../../stacks/remote/phase.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { matchesGolden } from "../../golden.ts";
import { exampleNode, exampleRootSecret, exampleSite } from "../keys/example.ts";
import { validSite } from "./valid-site.ts";

const exampleImage = (image: z.input<typeof workloadImage>) => workloadImage.parse(image);
const plain = { labels: {}, taints: {} };

function site(): Site {
  const example = exampleSite();
  example.k3s.images = [{ file: "images/k3s-airgap-images-arm64.tar.zst", sha256: "c".repeat(64) }];
  example.images = [
    exampleImage({ file: "images/runner.tar", sha256: "d".repeat(64) }),
    exampleImage({ file: "images/ollama.tar", sha256: "e".repeat(64), nodes: ["pi-2"] }),
  ];
  return example;
}
const keys = deriveSiteKeys(exampleRootSecret, site());
const install = (node: string, config = site()) => installPhase(config, node, keys);

/** All artefacts on this machine, as `npm run bundle` leaves them. */
function withFiles(config: Site): Site {
  config.k3s.binary = { file: "bundles/k3s", sha256: "b".repeat(64) };
  config.images = config.images.map(({ nodes }, index) =>
    exampleImage({ file: `bundles/image-${index}.tar`, sha256: "e".repeat(64), ...(nodes !== undefined && { nodes }) }),
  );
  return config;
}

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
  const kept = { labels: { disk: "nvme" }, taints: { quiet: "NoSchedule" as const } };
  matchesGolden(t, "k3s/membership-pi-2.yaml", outline(membershipPhase("pi-1", "pi-2", kept)));
});

test("a sole server is not asked to drain and forget itself", (t) => {
  t.deepEqual(membershipPhase("pi-1", "pi-1", plain).removal, []);
  t.true(membershipPhase("pi-1", "pi-2", plain).removal.length > 0);
});

for (const node of Object.keys(validSite("site-k3s-everything").nodes))
  test(`with every setting, K3s's phase on ${node} is as it was`, (t) => {
    const everything = withFiles(validSite("site-k3s-everything"));
    const phase = installPhase(everything, node, deriveSiteKeys(exampleRootSecret, everything));
    matchesGolden(t, `k3s/site-k3s-everything/${node}-install.yaml`, outline(phase));
  });

test("what leaves this program is what the runner takes", (t) => {
  for (const phase of [install("pi-1"), install("pi-2"), membershipPhase("pi-1", "pi-2", plain)])
    t.deepEqual(phaseSchema.parse(JSON.parse(JSON.stringify(phase))), phase);
});

test("all that holds a secret is for root alone", (t) => {
  const secrets = [
    keys.serverToken,
    keys.agentToken,
    keys.joinToken,
    keys.agentJoinToken,
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

test("a restart follows whatever K3s reads at a start, and nothing else", (t) => {
  const everything = withFiles(validSite("site-k3s-everything"));
  const after = (node: string) =>
    installPhase(everything, node, deriveSiteKeys(exampleRootSecret, everything)).units?.[0]?.after ?? [];
  const common = [
    ...["/etc/rancher/k3s/config.yaml", "/etc/rancher/k3s/registries.yaml", "/etc/rancher/k3s/proxy.env"],
    ...["/etc/rancher/k3s/registries/mirror.example.org_5443.pem", "/usr/local/bin/k3s"],
  ];
  t.deepEqual([...after("pi-1")].sort(), [...common, "/etc/systemd/system/k3s.service"].sort());
  t.deepEqual([...after("pi-4")].sort(), [...common, "/etc/systemd/system/k3s-agent.service"].sort());
});

test("an image for one node goes to that node", (t) => {
  const images = (node: string) => install(node).files.filter(({ path }) => path.endsWith("ollama.tar")).length;
  t.deepEqual([images("pi-1"), images("pi-2")], [0, 1]);
});

test("archives of one name but two contents cannot lie on one node", (t) => {
  const config = site();
  config.images.push(exampleImage({ file: "elsewhere/runner.tar", sha256: "f".repeat(64) }));
  t.throws(() => install("pi-1", config), { instanceOf: UserError, message: /both called runner\.tar[^]*rename/ });
  config.images[config.images.length - 1] = exampleImage({ file: "elsewhere/runner.tar", sha256: "d".repeat(64) });
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
