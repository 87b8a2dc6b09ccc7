import { globSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join } from "node:path";
import test from "ava";
import ts from "typescript";
import { root } from "../../stacks/root.ts";

interface Manifest {
  readonly dependencies: Record<string, string>;
  readonly peerDependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;

/** Every file that the package is built from: what tsconfig.build.json includes, and whatever that imports. */
function sources(): Set<string> {
  const found = new Set<string>();
  const add = (file: string) => {
    if (found.has(file)) return;
    found.add(file);
    for (const name of importsOf(file)) if (name.startsWith(".")) add(join(dirname(file), name));
  };
  for (const file of globSync("{stacks,workloads}/**/*.ts", { cwd: root })) add(file);
  add("scripts/lib/results/reader.ts");
  return found;
}

function importsOf(file: string): string[] {
  return ts.preProcessFile(readFileSync(join(root, file), "utf8")).importedFiles.map(({ fileName }) => fileName);
}

const imported = new Set(
  [...sources()].flatMap((file) =>
    importsOf(file).flatMap((name) =>
      name.startsWith(".") || isBuiltin(name) ? [] : [/^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name],
    ),
  ),
);

test("what an installed package imports is installed with it, and nothing else is", (t) => {
  const declared = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)];
  t.deepEqual([...imported].sort(), declared.sort());
});

test("the package reads results by itself: no command of this checkout, nothing of the twin", (t) => {
  const others = [...sources()].filter((file) => !/^(stacks|workloads|scripts\/lib\/results)\//.test(file));
  t.deepEqual(others, []);
});
