import { createHash } from "node:crypto";
import test from "ava";
import { stringify } from "yaml";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { accessPhase } from "../../../stacks/nodes/access-phase.ts";
import { phaseSchema } from "../../../stacks/remote/phase.ts";
import { matchesGolden } from "../../golden.ts";
import { exampleNode, exampleRootSecret, exampleSite } from "../keys/example.ts";

const anas = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE5wMNgTlHu+syMLLBxEIQhZPkewkzvcyGUTngrmXU1r ana@laptop";
const site = { ...exampleSite(), authorizedKeys: [anas] };
const keys = deriveSiteKeys(exampleRootSecret, site);

test("the phase of a node is as it was", (t) => {
  matchesGolden(
    t,
    "nodes/access.yaml",
    stringify(phaseSchema.parse(accessPhase(site, "pi-2", keys)), { lineWidth: 0 }),
  );
});

test("exactly the present admin key and the people's are let in, one a line", (t) => {
  const next = { ...site, adminKeyGeneration: 4 };
  const nextKeys = deriveSiteKeys(exampleRootSecret, next);
  const [file, ...more] = accessPhase(next, "pi-2", nextKeys).files;
  t.deepEqual(more, []);
  const content = `${nextKeys.admin.publicKey}\n${anas}\n`;
  t.deepEqual(file, {
    path: "/home/bramble/.ssh/authorized_keys",
    mode: "0600",
    owner: "bramble:bramble",
    sha256: createHash("sha256").update(content).digest("hex"),
    content,
  });
});

test("an adopted node's own account is the one that is kept", (t) => {
  const at = (user: string) => {
    const adopted = {
      ...site,
      nodes: { ...site.nodes, "pi-2": exampleNode({ role: "agent", address: "192.168.7.12", user }) },
    };
    const { files, directories } = accessPhase(adopted, "pi-2", deriveSiteKeys(exampleRootSecret, adopted));
    return [...files, ...directories].map((item) => `${item.path} ${"owner" in item ? item.owner : ""}`);
  };
  t.deepEqual(at("ubuntu"), ["/home/ubuntu/.ssh/authorized_keys ubuntu:ubuntu", "/home/ubuntu/.ssh ubuntu:ubuntu"]);
  t.deepEqual(at("root"), ["/root/.ssh/authorized_keys root:root", "/root/.ssh root:root"]);
});

test("no private key is in the phase", (t) => {
  const text = JSON.stringify(accessPhase(site, "pi-2", keys));
  t.false(text.includes("PRIVATE"));
  for (const { privateKey } of keys.adminKeys)
    for (const line of privateKey.split("\n").slice(1, -2)) t.false(text.includes(line));
});
