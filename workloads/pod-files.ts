import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

export interface PodFiles {
  /** Name to text, as the pod's ConfigMap carries them. */
  readonly files: Readonly<Record<string, string>>;
  /** SHA-256 over names and texts, in hexadecimal: what a plan and a manifest name. */
  readonly digest: string;
}

/**
 * Where the pods' programs lie as they are written, and go into pods: in an installed package beside what is built from them. The same
 * source has the same digest there as in a checkout.
 */
const sources = import.meta.filename.endsWith(".ts")
  ? import.meta.dirname
  : join(import.meta.dirname, "..", "..", "workloads");

/** Without it Node parses each .ts file twice to find out that it is a module. */
const packageJson = '{ "type": "module" }\n';

/**
 * A program's source as it goes into a pod: main.ts and whatever it imports, from files beside it. The pod has Node and
 * nothing else, so any other import than these and node:* is a bug here.
 * @param program its directory in workloads/
 */
export function podFiles(program: "benchmark" | "probe"): PodFiles {
  const files: Record<string, string> = {};
  const open = [join(sources, program, "main.ts")];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const text = readFileSync(path, "utf8");
    files[basename(path)] = text;
    for (const specifier of importsOf(text)) {
      if (specifier.startsWith("node:")) continue;
      const name = /^\.\/([a-z-]+\.ts)$/.exec(specifier)?.[1];
      if (name === undefined) throw new Error(`${path} imports ${specifier}, which its pod does not have`);
      if (!(name in files)) open.push(join(dirname(path), name));
    }
  }
  const sorted = Object.fromEntries(
    Object.entries({ ...files, "package.json": packageJson }).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  return { files: sorted, digest: createHash("sha256").update(JSON.stringify(sorted)).digest("hex") };
}

function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:^import|\bfrom) "([^"]+)";$/gm)].map(([, specifier]) => specifier ?? "");
}
