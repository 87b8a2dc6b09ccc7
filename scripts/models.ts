import { join } from "node:path";
import { parseArgs } from "node:util";
import { defaultPatience } from "../stacks/download.ts";
import { modelSourceOf } from "../stacks/config/model-registry.ts";
import { parseStackConfig } from "../stacks/config/parse.ts";
import { readModelLock } from "../stacks/locked-models.ts";
import { root } from "../stacks/root.ts";
import { UserError } from "../stacks/user-error.ts";
import { modelLockName, renderModelLock } from "../workloads/ollama/model-lock.ts";
import { Registries } from "./lib/bundle/registry.ts";
import { runMain } from "./lib/main.ts";
import { askModels, describeLocked, updatedLock } from "./lib/models/lock-models.ts";
import { requireStack, stackConfiguration } from "./lib/pulumi.ts";
import { writeWhole } from "./lib/results/seal.ts";

const usage = `Usage: npm run models -- lock <stack> [--update]
       npm run models -- check <stack>

lock   writes into ${modelLockName} what the names of an experiment's or a site's models mean now: digest, size, quantisation. A model that is
       another one than when it was locked is refused by its name, unless --update says that the new one is wanted.
check  the same without writing
Exit codes: 0 all as locked; 1 an error, or a model that changed
`;

await runMain(async ({ signal }) => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { update: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
  });
  const [action, stack, ...rest] = positionals;
  if (values.help) {
    process.stdout.write(usage);
    return;
  }
  if ((action !== "lock" && action !== "check") || stack === undefined || rest.length > 0)
    throw new UserError({ what: "there is no such command", next: "npm run models -- lock <stack>, or --help" });
  const { references, siteRegistry } = await modelsOf(stack);
  const lock = readModelLock();
  const found = await askModels(references, lock, siteRegistry, new Registries(defaultPatience, signal));
  const updated = updatedLock(lock, found, values.update);
  for (const one of found) console.log(describeLocked(one));
  if (action === "lock") await writeWhole(join(root, modelLockName), renderModelLock(updated));
});

/**
 * The models of an experiment that no digest fixes in its own file, or all that a site serves, since it needs their texts too;
 * and the registry of the site.
 */
async function modelsOf(stack: string): Promise<{ references: string[]; siteRegistry: string | undefined }> {
  await requireStack(stack);
  const config = parseStackConfig(stack, await stackConfiguration(stack));
  if (config.kind === "site") {
    const { models: served = {} } = config.site;
    const all = Object.values(served).map(({ reference }) => reference);
    if (all.length === 0)
      throw new UserError({
        what: "serves no models",
        where: `Pulumi.${stack}.yaml, bramble:site`,
        next: "name some under models, or name an experiment's stack",
      });
    return { references: [...new Set(all)].sort(), siteRegistry: modelSourceOf(config.site) };
  }
  const { models, site } = config.experiment;
  const references = Object.values(models).flatMap(({ reference, digest }) =>
    digest === undefined ? [reference] : [],
  );
  if (references.length === 0)
    throw new UserError({
      what: "every model's digest stands in the stack's file already",
      where: `Pulumi.${stack}.yaml`,
      next: "nothing has to be locked; take the digests out of it to have them locked",
    });
  await requireStack(site);
  const siteConfig = parseStackConfig(site, await stackConfiguration(site));
  return {
    references: [...new Set(references)].sort(),
    siteRegistry: siteConfig.kind === "site" ? modelSourceOf(siteConfig.site) : undefined,
  };
}
