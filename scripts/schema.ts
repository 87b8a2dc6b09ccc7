import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderJsonSchema } from "../stacks/config/json-schema.ts";
import { root } from "../stacks/root.ts";

// Writes the schema that editors read; run it after a change of stacks/config (a test says when).
writeFileSync(join(root, "stacks", "config", "schema.json"), renderJsonSchema());
