import { rm } from "node:fs/promises";
import { join } from "node:path";
import { parseSite } from "../../stacks/config/parse.ts";
import { nodeOf, serversOf, type Site } from "../../stacks/config/site.ts";
import { deriveSiteKeys } from "../../stacks/keys/site-keys.ts";
import { binaryPath } from "../../stacks/k3s/paths.ts";
import { run } from "../../stacks/remote/connection.ts";
import { endpointOf } from "../../stacks/remote/site-endpoint.ts";
import { recordsDirectory } from "../../stacks/remote/phase.ts";
import { stateDirectory } from "../../stacks/root.ts";
import { baseImage } from "../../twin/base-image.ts";
import { provideK3s, type K3sLine } from "../../twin/k3s-release.ts";
import { removeNode, waitForSsh, type TwinNode } from "../../twin/node.ts";
import { installDebianPackages } from "../../twin/requirements.ts";
import { bootTwin, downTwin, leftovers, openTwin } from "../../twin/site.ts";
import { renderTwinSite, setStackKey, stackFile, stackKey, type SiteParts } from "../../twin/stack-files.ts";
import type { Twin } from "../../twin/twin.ts";
import { installPlugins } from "../lib/plugins.ts";
import { clearStaleLock, pulumi, stackConfiguration } from "../lib/pulumi.ts";
import { writeCards } from "../lib/raise-twin.ts";
import type { Steps } from "../lib/steps.ts";
import { pulumiCli } from "../lib/toolchain.ts";
import { ensureRootSecret, ensureStack } from "../lib/twin-stacks.ts";

/**
 * A site on a twin of its own, with nodes and K3s and no experiments, that faults and measurements are tried on. Stack,
 * state and twin are its own: nothing is shared with a demo that runs beside it but the build cache. One at a time in a
 * process, since Pulumi's backend is named by the environment.
 */
export class TrialSite {
  readonly stack: string;
  readonly steps: Steps;
  /** Names of its nodes; the first ones are the servers. */
  readonly nodes: readonly string[];
  readonly #servers: 1 | 3;
  readonly #directory: string;
  readonly #state: string;
  #twin: Twin | undefined;
  #parts: SiteParts | undefined;

  constructor(wanted: {
    readonly stack: string;
    readonly nodes: readonly string[];
    readonly servers?: 1 | 3;
    readonly steps: Steps;
  }) {
    const { stack, nodes, servers = 1, steps } = wanted;
    this.stack = stack;
    this.nodes = nodes;
    this.#servers = servers;
    this.steps = steps;
    this.#directory = join(stateDirectory, "twins", stack);
    this.#state = join(stateDirectory, `state-${stack}`);
    process.env.PULUMI_BACKEND_URL = `file://${this.#state}`;
  }

  get twin(): Twin {
    if (this.#twin === undefined) throw new Error(`the twin of ${this.stack} is not open`);
    return this.#twin;
  }

  /** Makes what is needed and the stack: no card is written yet, no node is on. */
  async open(): Promise<void> {
    const { steps, stack } = this;
    await steps.run("Debian packages", installDebianPackages);
    await steps.run("Pulumi CLI", pulumiCli);
    const k3s = await steps.run("K3s", provideK3s);
    const image = await steps.run("base image", baseImage);
    await installPlugins();
    const twin = await openTwin(this.#directory);
    const { gateway, prefix } = twin.network;
    this.#parts = {
      image,
      k3s: { version: k3s.version, binary: k3s.binary, images: k3s.images },
      network: { gateway, prefix: 24, address: (host) => `${prefix}.${host}` },
    };
    this.#twin = twin;
    await ensureStack(stack, "site", renderTwinSite(stack, this.#parts, { nodes: this.nodes, servers: this.#servers }));
    await ensureRootSecret(stack);
  }

  /** Writes the cards that are missing and powers all nodes on. */
  async powerOn(): Promise<void> {
    const site = this.config();
    await this.steps.run("cards", (report) => writeCards(this.twin, this.stack, site, report));
    await this.steps.run("boot", (report) => bootTwin(this.twin, this.nodes.map(this.nodeOf), report));
  }

  /** From blank cards again, and from a stack that knows of nothing: the configuration and its root secret stay. */
  async startOver(): Promise<void> {
    for (const node of this.nodes) await removeNode(this.twin, node);
    await pulumi(["cancel", "--yes", "--stack", this.stack], { allowFailure: true });
    await pulumi(["stack", "rm", "--force", "--yes", "--preserve-config", this.stack]);
    await pulumi(["stack", "init", this.stack, "--no-select"]);
    await this.powerOn();
  }

  /** Removes the twin, the stack and its state. */
  async close(): Promise<void> {
    await downTwin(this.#directory);
    await rm(stackFile(this.stack), { force: true });
    await rm(this.#state, { recursive: true, force: true });
  }

  /** What is left on this machine of the twin, in words. */
  leftovers(): Promise<string[]> {
    return leftovers(this.#directory);
  }

  config(): Site {
    return parseSite(this.stack, stackKey(this.stack, "site"));
  }

  /** Changes the site's configuration. */
  configure(change: (site: Record<string, unknown>) => void): void {
    const site = stackKey(this.stack, "site") as Record<string, unknown>;
    change(site);
    setStackKey(this.stack, "site", site);
  }

  /** Changes a node's entry in the site's configuration. */
  configureNode(node: string, change: Readonly<Record<string, unknown>>): void {
    this.configure((site) => {
      const nodes = site.nodes as Record<string, Record<string, unknown>>;
      const changed = Object.entries({ ...nodes[node], ...change }).filter(([, value]) => value !== undefined);
      nodes[node] = Object.fromEntries(changed);
    });
  }

  readonly nodeOf = (name: string): TwinNode => ({ name, address: nodeOf(this.config(), name).address });

  async waitFor(node: string): Promise<void> {
    await waitForSsh(this.twin, this.nodeOf(node));
  }

  /** What a person does: `npm run up`, which clears the lock of an update that was killed. */
  async up(flags: readonly string[] = []): Promise<string> {
    await clearStaleLock(this.stack);
    const { stdout, stderr } = await pulumi([
      ...["up", "--stack", this.stack, "--yes", "--skip-preview", "--non-interactive", "--color=never"],
      ...flags,
    ]);
    return stdout + stderr;
  }

  async preview(flags: readonly string[] = []): Promise<string> {
    const { stdout, stderr } = await pulumi([
      ...["preview", "--stack", this.stack, "--diff", "--non-interactive", "--color=never"],
      ...flags,
    ]);
    return stdout + stderr;
  }

  async destroy(flags: readonly string[] = []): Promise<void> {
    await pulumi([
      ...["destroy", "--stack", this.stack, "--yes", "--skip-preview", "--non-interactive", "--color=never"],
      ...flags,
    ]);
  }

  /** Clears the lock of an update that was killed, as the next `npm run up` would. */
  async unlock(): Promise<void> {
    await clearStaleLock(this.stack);
  }

  /** Runs a shell script on a node as root, over the connection that Bramble uses, and returns what it printed. */
  async onNode(node: string, script: string): Promise<string> {
    return await this.onNodeOf(this.config(), node, script);
  }

  /** kubectl with these arguments, as a shell reads them, on the first server that answers. */
  async kubectl(args: string, stdin = ""): Promise<string> {
    const servers = serversOf(this.config()).map(({ name }) => name);
    const failures: string[] = [];
    for (const server of servers)
      try {
        const input = `kubectl() { KUBECACHEDIR=/run/trial ${binaryPath} kubectl "$@"; }`;
        return await this.onNode(server, `${input}\nkubectl ${args} <<'END-OF-INPUT'\n${stdin}\nEND-OF-INPUT`);
      } catch (error) {
        failures.push(String(error));
      }
    throw new Error(`no server did it: kubectl ${args}\n${failures.join("\n")}`);
  }

  /** Has the configuration ask for the K3s of a line, as a person who upgrades does. */
  async useK3s(line: K3sLine): Promise<void> {
    const { version, binary, images } = await this.steps.run(`K3s ${line}`, (report) => provideK3s(report, line));
    this.configure((site) => {
      site.k3s = { ...(site.k3s as object), version, binary, images };
    });
  }

  /** The same, for a node that another configuration of the site has. */
  async onNodeOf(site: Site, node: string, script: string): Promise<string> {
    const { rootSecret } = await stackConfiguration(this.stack);
    const endpoint = endpointOf(site, node, deriveSiteKeys(String(rootSecret), site));
    const { stdout, stderr, code } = await run(endpoint, ["sudo", "sh", "-eu"], { stdin: script, timeoutSeconds: 120 });
    if (code !== 0) throw new Error(`on ${node}, exit code ${code}: ${stderr}\n${script}`);
    return stdout;
  }

  /**
   * Everything on a node that Bramble manages, with inode, modification and change time: a write shows, even one of the
   * same bytes. What its records name is read from them.
   */
  async managedFiles(node: string): Promise<string> {
    const places = "/etc /usr/local /boot/firmware /var/lib/rancher/k3s/server/tls /var/lib/rancher/k3s/agent/images";
    // Files that the system keeps writing by itself.
    const others = "-not -path /etc/rancher/k3s/k3s.yaml -not -path '/etc/rancher/node/*.tmp'";
    return await this.onNode(
      node,
      `find ${places} ${recordsDirectory} -type f ${others} -printf '%p %i %s %m %U:%G %T@ %C@\\n' 2>/dev/null | sort`,
    );
  }
}
