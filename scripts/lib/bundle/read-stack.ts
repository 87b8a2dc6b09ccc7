import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { parseStackConfig, type StackConfig } from "../../../stacks/config/parse.ts";
import { root } from "../../../stacks/root.ts";
import { codeOf } from "../../../stacks/download.ts";

/**
 * A stack's configuration from its file; undefined where there is none. Pulumi is not asked: a bundle needs no secrets, so the
 * machine that makes it needs neither the state nor the passphrase.
 * @throws UserError when the configuration has errors
 */
export function readStack(stack: string, directory = root): StackConfig | undefined {
  let text: string;
  try {
    text = readFileSync(join(directory, `Pulumi.${stack}.yaml`), "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
  const { config } = z.object({ config: z.record(z.string(), z.unknown()) }).parse(parse(text));
  return parseStackConfig(stack, { site: config["bramble:site"], experiment: config["bramble:experiment"] });
}
