import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { parse } from "yaml";
import { parseSite } from "../../stacks/config/parse.ts";
import type { Observation } from "../../stacks/nodes/observe.ts";
import { root } from "../../stacks/root.ts";
import { checkSiteFit } from "../../stacks/site-fit.ts";
import { UserError } from "../../stacks/user-error.ts";
import { exampleReport } from "./nodes/example-report.ts";

const text = readFileSync(join(root, "test", "fixtures", "valid", "site-serving.yaml"), "utf8");
const { config } = parse(text) as { config: { "bramble:site": object } };
const digest = `sha256:${"c".repeat(64)}`;
const site = (context: number) =>
  parseSite("barn", {
    ...config["bramble:site"],
    models: { assistant: { reference: "qwen3:4b", digest, nodes: ["pi-2", "pi-3"], threads: 4, context } },
  });
const lock = { schema: 1 as const, models: {} };
const seen = new Map<string, Observation>([["pi-2", exampleReport()]]);

test("what a site serves must fit into what pods can have of its nodes", (t) => {
  t.notThrows(() => {
    checkSiteFit(site(4096), lock, seen, "no-such-stack");
  });
  t.throws(
    () => {
      checkSiteFit(site(65_536), lock, seen, "no-such-stack");
    },
    { instanceOf: UserError, message: /bramble:site, models: pi-2 has .*a context of \d+ tokens would fit/s },
  );
});

test("a node that was not seen is not known, and not checked", (t) => {
  t.notThrows(() => {
    checkSiteFit(site(65_536), lock, new Map(), "no-such-stack");
  });
});
