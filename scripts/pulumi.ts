import { runMain } from "./lib/main.ts";
import { installPlugins } from "./lib/plugins.ts";
import { pulumi } from "./lib/pulumi.ts";

// The Pulumi CLI with the project's own home, state and passphrase: npm run pulumi -- stack ls
await runMain(async ({ signal }) => {
  const args = process.argv.slice(2);
  // What runs the program needs its plugins, before any `npm run up` has put them there.
  if (["preview", "up", "refresh", "destroy"].includes(args[0] ?? ""))
    for (const line of await installPlugins()) console.error(line);
  const { code } = await pulumi(args, { show: true, ask: true, allowFailure: true, signal });
  return code;
});
