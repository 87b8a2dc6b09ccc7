import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderJsonSchema } from "../stacks/config/json-schema.ts";
import { root } from "../stacks/root.ts";
import { renderComparisonSchema } from "./lib/results/comparison-schema.ts";

// Writes the schema that editors read, and that of a comparison; run it after a change of stacks/config or of
// scripts/lib/results/comparison.ts (tests say when).
writeFileSync(join(root, "stacks", "config", "schema.json"), renderJsonSchema());
writeFileSync(join(root, "scripts", "lib", "results", "comparison.schema.json"), renderComparisonSchema());
