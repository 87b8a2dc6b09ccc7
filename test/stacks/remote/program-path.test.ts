import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { installedBelow, programPath } from "../../../stacks/remote/program-path.ts";

const inPackage = join("bramble", "dist", "stacks");

function project(t: ExecutionContext): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "bramble-path-")));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  mkdirSync(join(directory, "node_modules"));
  mkdirSync(join(directory, "src"));
  return directory;
}

test("a checkout's programs are called as they always were: states keep that", (t) => {
  t.is(programPath("remote/run-phase.ts remove"), "remote/run-phase.ts remove");
});

test("an installed package's programs are called from where the program of the stack is", (t) => {
  const directory = project(t);
  const stacks = join(directory, "node_modules", inPackage);
  mkdirSync(stacks, { recursive: true });
  t.is(installedBelow(stacks, directory), "node_modules/bramble/dist/stacks");
  t.is(installedBelow(stacks, join(directory, "src")), "../node_modules/bramble/dist/stacks");
});

test("a link to a package is named, and not the place of one version behind it", (t) => {
  const directory = project(t);
  const store = join(directory, "node_modules", ".pnpm", "bramble@0.1.0", "node_modules");
  mkdirSync(join(store, inPackage), { recursive: true });
  symlinkSync(join(store, "bramble"), join(directory, "node_modules", "bramble"));
  t.is(installedBelow(join(store, inPackage), directory), "node_modules/bramble/dist/stacks");
});

test("another copy of the package is not taken for this one", (t) => {
  const directory = project(t);
  mkdirSync(join(directory, "node_modules", inPackage), { recursive: true });
  const own = join(directory, "src", inPackage);
  mkdirSync(own, { recursive: true });
  t.is(installedBelow(own, directory), "src/bramble/dist/stacks");
});
