import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { parseSite } from "../../../stacks/config/parse.ts";
import type { Site } from "../../../stacks/config/site.ts";
import { root } from "../../../stacks/root.ts";

const stackFile = z.object({ config: z.object({ "bramble:site": z.unknown() }) });

/** The site of a file in test/fixtures/valid, anew each time. */
export function validSite(name: "site-minimal" | "site-three-servers" | "site-k3s-everything"): Site {
  const text = readFileSync(join(root, "test", "fixtures", "valid", `${name}.yaml`), "utf8");
  return parseSite("fixture", stackFile.parse(parse(text)).config["bramble:site"]);
}

/** Tokens that are easily told apart. */
export const exampleTokens = {
  serverToken: "server-token",
  joinToken: "K10ca::server:server-token",
  agentToken: "agent-token",
  agentJoinToken: "K10ca::node:agent-token",
};
