import { cardContent } from "../../stacks/cards/card-content.ts";
import { cardDifference } from "../../stacks/cards/card-problem.ts";
import { provideImage } from "../../stacks/cards/image.ts";
import { readStamp, writeCard } from "../../stacks/cards/write-card.ts";
import type { Site } from "../../stacks/config/site.ts";
import { deriveSiteKeys } from "../../stacks/keys/site-keys.ts";
import { UserError } from "../../stacks/user-error.ts";
import { cardOf, isRunning } from "../../twin/node.ts";
import { serveModels } from "../../twin/registry.ts";
import { bootTwin, openTwin } from "../../twin/site.ts";
import { renderTwinSite, type TwinParts } from "../../twin/stack-files.ts";
import type { Twin } from "../../twin/twin.ts";
import { installPlugins } from "./plugins.ts";
import { stackConfiguration } from "./pulumi.ts";
import type { Report, Steps } from "./steps.ts";
import { provideTwinParts } from "./twin-parts.ts";
import { ensureRootSecret, ensureStack, refreshSite } from "./twin-stacks.ts";

/**
 * Brings a twin to where a person is who has written the cards and powered the boards on: everything built, the model
 * registry serving, the site's stack configured, cards written, nodes answering. What is there already stays as it is.
 */
export async function raiseTwin(wanted: {
  readonly stack: string;
  readonly directory: string;
  /** Stacks of the experiments that the site lets in. */
  readonly experiments: readonly string[];
  readonly steps: Steps;
}): Promise<TwinParts> {
  const { stack, directory, experiments, steps } = wanted;
  const built = await provideTwinParts(steps);
  const plugins = await steps.run("Pulumi plugins", installPlugins);
  for (const line of [...plugins, ...standIns(built.k3s.origin)]) steps.print(`           ${line}`);
  const twin = await steps.run("network", async (report) => {
    const opened = await openTwin(directory);
    report(`${opened.network.prefix}.0/24 on a bridge of its own, no way out`);
    return opened;
  });
  const model = await steps.run("model registry", (report) => serveModels(twin, built.ollama, report));
  const parts: TwinParts = {
    image: built.image,
    k3s: { version: built.k3s.version, binary: built.k3s.binary, images: built.k3s.images },
    ollama: built.images.ollama,
    runner: built.images.runner,
    model: { reference: model.reference, digest: model.digest },
    network: { gateway: twin.network.gateway, prefix: 24, address: (host) => `${twin.network.prefix}.${host}` },
    modelRegistry: model.registry,
  };
  const site = await steps.run("configuration", async () => {
    const rendered = renderTwinSite(stack, parts, { experiments });
    await ensureStack(stack, "site", rendered);
    await ensureRootSecret(stack);
    const refreshed = refreshSite(stack, rendered);
    if (refreshed.network.gateway !== twin.network.gateway)
      throw new UserError({
        what: `lies in the network of ${refreshed.network.gateway}, and the twin got that of ${twin.network.gateway}`,
        where: `Pulumi.${stack}.yaml, bramble:site`,
        next: "end what took the subnet on this machine and start again, or remove the twin and its stacks: npm run demo -- --down",
      });
    return refreshed;
  });
  await steps.run("cards", (report) => writeCards(twin, stack, site, report));
  await steps.run("boot", (report) =>
    bootTwin(
      twin,
      Object.entries(site.nodes).map(([name, { address }]) => ({ name, address })),
      report,
    ),
  );
  return parts;
}

/** What is not the real thing on a twin, each in a line; twin/README.md gives the reasons. */
function standIns(k3s: "given" | "downloaded" | "launcher"): string[] {
  return [
    "boards: containers (systemd-nspawn) that boot the cards' image files, on this machine's kernel",
    "Raspberry Pi OS: Debian 12 on an image laid out like it",
    ...(k3s === "launcher" ? ["K3s: twin/k3s, a launcher with K3s's command line over upstream Kubernetes"] : []),
    "published container images: built here, the same programs (why: twin/README.md)",
  ];
}

/** Writes the cards of all nodes that have none, or one of another generation: a card is frozen otherwise. */
export async function writeCards(twin: Twin, stack: string, site: Site, report: Report): Promise<void> {
  const { rootSecret } = await stackConfiguration(stack);
  const keys = deriveSiteKeys(String(rootSecret), site);
  const image = await provideImage(site.image, {
    progress: (done, total) => {
      report(total === undefined ? "reading the base image" : `reading the base image, ${percent(done, total)}`);
    },
  });
  const written: string[] = [];
  for (const node of Object.keys(site.nodes)) {
    const card = cardOf(twin, node);
    if (await isRunning(twin, node)) continue;
    const content = cardContent({ site, node, keys, system: image.system, wifiPassword: undefined });
    if (cardDifference(content.stamp, await readStamp(card)) === undefined) continue;
    await writeCard({
      image,
      content,
      to: card,
      progress: (step, done, total) => {
        report(`${step === "write" ? "writing" : "verifying"} ${node}, ${percent(done, total)}`);
      },
    });
    written.push(node);
  }
  report(written.length === 0 ? "all written before" : `wrote ${written.join(", ")}`);
}

function percent(done: number, total: number): string {
  return `${Math.floor((100 * done) / total)} %`;
}
