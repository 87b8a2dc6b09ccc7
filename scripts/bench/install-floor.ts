import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { located } from "../../stacks/config/artefact.ts";
import { nodeOf, serversOf, type Site } from "../../stacks/config/site.ts";
import { binaryPath, configPath, imagesDirectory, unitName, unitPath } from "../../stacks/k3s/paths.ts";
import { renderUnit } from "../../stacks/k3s/unit-file.ts";
import { deriveSiteKeys } from "../../stacks/keys/site-keys.ts";
import { quote, run } from "../../stacks/remote/connection.ts";
import type { Endpoint } from "../../stacks/remote/endpoint.ts";
import { endpointOf } from "../../stacks/remote/site-endpoint.ts";
import type { TrialSite } from "../faults/trial-site.ts";
import { stackConfiguration } from "../lib/pulumi.ts";

/**
 * The least that a person would do by hand to booted nodes: a shell loop over ssh that copies the artefacts, writes a few lines
 * of configuration and starts the unit, node by node. Ends when all nodes are Ready.
 */
export async function installByHand(trial: TrialSite): Promise<void> {
  const site = trial.config();
  const { rootSecret } = await stackConfiguration(trial.stack);
  const keys = deriveSiteKeys(String(rootSecret), site);
  for (const node of trial.nodes) await installOne(site, endpointOf(site, node, keys));
  const [first = ""] = trial.nodes;
  for (const end = Date.now() + 300_000; ;) {
    const nodes = await trial.onNode(first, `${binaryPath} kubectl get nodes --no-headers || true`);
    if ((nodes.match(/ Ready /g) ?? []).length === trial.nodes.length) return;
    if (Date.now() > end) throw new Error(`not all nodes became Ready by hand:\n${nodes}`);
    await sleep(200);
  }
}

async function installOne(site: Site, endpoint: Endpoint): Promise<void> {
  const { node } = endpoint;
  const { role, address } = nodeOf(site, node);
  const [server] = serversOf(site);
  const places = [
    { ...located(site.k3s.binary), at: binaryPath },
    ...site.k3s.images.map(located).map((image) => ({ ...image, at: `${imagesDirectory}/${basename(image.file)}` })),
  ];
  for (const { file, at } of places)
    await root(
      endpoint,
      `mkdir -p ${quote(at.slice(0, at.lastIndexOf("/")))}; cat > ${quote(at)}; chmod 0755 ${quote(at)}`,
      file,
    );
  const config = [
    ...(role === "server" ? ["cluster-init: true"] : [`server: https://${server?.node.address ?? ""}:6443`]),
    "token: floor",
    `node-name: ${node}`,
    `node-ip: ${address}`,
    ...(role === "server" ? ["disable: [traefik, servicelb, metrics-server, local-storage]"] : []),
  ];
  const script = `mkdir -p /etc/rancher/k3s
cat > ${configPath} <<'END'
${config.join("\n")}
END
cat > ${unitPath(role)} <<'END'
${renderUnit(role)}
END
systemctl daemon-reload
systemctl enable --quiet --now ${unitName(role)}`;
  await root(endpoint, script);
}

async function root(endpoint: Endpoint, script: string, file?: string): Promise<void> {
  const { code, stderr } = await run(endpoint, ["sudo", "sh", "-euc", script], {
    ...(file === undefined ? {} : { stdin: createReadStream(file, { highWaterMark: 1 << 18 }) }),
  });
  if (code !== 0) throw new Error(`on ${endpoint.node}: ${stderr}`);
}
