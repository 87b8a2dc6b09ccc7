import { runMain } from "./lib/main.ts";
import { pulumi } from "./lib/pulumi.ts";

// The Pulumi CLI with the project's own home, state and passphrase: npm run pulumi -- stack ls
await runMain(async ({ signal }) => {
  const { code } = await pulumi(process.argv.slice(2), { show: true, allowFailure: true, signal });
  return code;
});
