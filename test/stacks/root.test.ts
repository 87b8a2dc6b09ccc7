import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { projectRoot, root } from "../../stacks/root.ts";

/** A directory with files in it, empty ones. */
function directoryWith(t: ExecutionContext, ...files: string[]): string {
  const directory = mkdtempSync(join(tmpdir(), "bramble-root-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  for (const file of files) {
    mkdirSync(join(directory, file, ".."), { recursive: true });
    writeFileSync(join(directory, file), "");
  }
  return directory;
}

test("a checkout is its own project, wherever its commands are started", (t) => {
  const other = directoryWith(t, "Pulumi.yaml");
  t.is(projectRoot(root, other), root);
  t.is(projectRoot(root, join(root, "stacks")), root);
});

for (const name of ["Pulumi.yaml", "Pulumi.yml", "Pulumi.json"])
  test(`a package's project is the nearest around the working directory: ${name}`, (t) => {
    const project = directoryWith(t, name, "node_modules/bramble/dist/stacks/root.js", "src/index.ts");
    const home = join(project, "node_modules", "bramble", "dist");
    t.is(projectRoot(home, project), project);
    t.is(projectRoot(home, join(project, "src")), project);
  });

test("a program that is no Pulumi project has its results in its working directory", (t) => {
  const directory = directoryWith(t, "node_modules/bramble/dist/stacks/root.js");
  t.is(projectRoot(join(directory, "node_modules", "bramble", "dist"), directory), directory);
});
