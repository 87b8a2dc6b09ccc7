import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ExecutionContext } from "ava";
import { root } from "../stacks/root.ts";

/**
 * Compares text with test/fixtures/golden/<path>. Golden files hold what must not change unnoticed: with UPDATE_GOLDEN=1 they
 * are written anew, and the change is for the reviewer to see.
 */
export function matchesGolden(t: ExecutionContext, path: string, text: string): void {
  const file = join(root, "test", "fixtures", "golden", path);
  if (process.env.UPDATE_GOLDEN === "1") {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  t.is(text, readFileSync(file, "utf8"));
}
