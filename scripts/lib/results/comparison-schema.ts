import { z } from "zod";
import { comparisonSchema } from "./comparison.ts";

/** JSON Schema of what `npm run compare -- --json` prints. comparison.schema.json is this text; a test holds them in step. */
export function renderComparisonSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(comparisonSchema), undefined, 2)}\n`;
}
