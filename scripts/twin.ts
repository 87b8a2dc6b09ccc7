import { existsSync } from "node:fs";
import { parseSite } from "../stacks/config/parse.ts";
import { deriveSiteKeys } from "../stacks/keys/site-keys.ts";
import { run } from "../stacks/remote/connection.ts";
import { endpointOf } from "../stacks/remote/site-endpoint.ts";
import { UserError } from "../stacks/user-error.ts";
import { cardOf, consoleOf, isRunning } from "../twin/node.ts";
import { openTwin } from "../twin/site.ts";
import { demoDirectory, demoSite } from "./lib/demo-twin.ts";
import { runMain } from "./lib/main.ts";
import { stackConfiguration } from "./lib/pulumi.ts";

const usage = `Usage: npm run twin -- status
       npm run twin -- run <node> <command>...

status  the nodes of the demo's twin, where they answer, and their cards and consoles
run     a shell command on a node, as root, over the same pinned SSH connection that Bramble uses
`;

await runMain(async () => {
  const [verb, ...args] = process.argv.slice(2);
  if (verb === undefined || verb === "--help") {
    process.stdout.write(usage);
    return;
  }
  if (!existsSync(demoDirectory))
    throw new UserError({ what: "there is no twin in this checkout", next: "bring one up: npm run demo" });
  const { site: value, rootSecret } = await stackConfiguration(demoSite);
  const site = parseSite(demoSite, value);
  if (verb === "status") {
    const twin = await openTwin(demoDirectory);
    for (const [node, { role, address }] of Object.entries(site.nodes)) {
      const power = (await isRunning(twin, node)) ? "on" : "off";
      console.log(
        `${node}  ${role}  ${address}  ${power}  card ${cardOf(twin, node)}  console ${consoleOf(twin, node)}`,
      );
    }
    console.log(`model registry ${site.modelRegistry ?? "none"}, gateway ${site.network.gateway}`);
    return;
  }
  const [node, ...command] = args;
  if (verb !== "run" || node === undefined || command.length === 0 || site.nodes[node] === undefined)
    throw new UserError({
      what: `${process.argv.slice(2).join(" ")} is not a command for this twin (nodes: ${Object.keys(site.nodes).join(", ")})`,
      next: "npm run twin -- --help",
    });
  const endpoint = endpointOf(site, node, deriveSiteKeys(String(rootSecret), site));
  const { stdout, stderr, code } = await run(endpoint, ["sudo", "sh", "-c", command.join(" ")]);
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  return code;
});
