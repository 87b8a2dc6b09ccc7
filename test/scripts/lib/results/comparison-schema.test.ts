import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import test from "ava";
import { renderComparisonSchema } from "../../../../scripts/lib/results/comparison-schema.ts";
import { root } from "../../../../stacks/root.ts";
import { exampleComparison } from "./example-comparison.ts";

const published = readFileSync(join(root, "scripts", "lib", "results", "comparison.schema.json"), "utf8");

test("the published JSON Schema is in step with the zod schema (npm run schema)", (t) => {
  t.is(published, renderComparisonSchema());
});

test("a comparison as JSON is what the published schema says", async (t) => {
  const validate = new Ajv2020({ allowUnionTypes: true }).compile(JSON.parse(published) as object);
  const json = JSON.parse(JSON.stringify(await exampleComparison(t))) as Record<string, unknown>;
  t.true(validate(json), JSON.stringify(validate.errors));
  t.false(validate({ ...json, margin: null }));
  t.false(validate({ ...json, sides: [] }));
});
