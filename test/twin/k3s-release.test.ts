import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { root } from "../../stacks/root.ts";
import { type K3sLine, k3sVersions, launcherFiles } from "../../twin/k3s-release.ts";

const lines = Object.entries(k3sVersions) as [K3sLine, string][];
const moduleFile = (line: K3sLine) => (line === "1.34" ? "go.mod" : `go-${line}.mod`);
const modules = (line: K3sLine) => readFileSync(join(root, "twin", "k3s", moduleFile(line)), "utf8");

for (const [line, version] of lines) {
  test(`the launcher's modules of ${line} are the Kubernetes that ${version} says it is`, (t) => {
    t.true(version.startsWith(`v${line}.`));
    const [kubernetes] = version.split("+");
    t.regex(
      modules(line),
      new RegExp(`^require k8s\\.io/kubernetes ${String(kubernetes).replaceAll(".", "\\.")}$`, "m"),
    );
    const staging = [...modules(line).matchAll(/^\tk8s\.io\/(\S+) => k8s\.io\/(\S+) (\S+)$/gm)];
    t.true(staging.length > 30);
    for (const [, from, to, at] of staging) t.deepEqual([to, at], [from, kubernetes?.replace("v1", "v0")]);
  });
}

test("each module that the launcher imports is in both lines' files, so that one source is built with both", (t) => {
  const required = (line: K3sLine) => [...modules(line).matchAll(/^\t(\S+) v\S+( \/\/ indirect)?$/gm)];
  const direct = required("1.34").filter(([, , indirect]) => indirect === undefined);
  const other = new Set(required("1.35").map(([, name]) => name));
  t.true(direct.length > 10);
  t.deepEqual(
    direct.map(([, name]) => name).filter((name) => !other.has(name)),
    [],
  );
});

test("a line is built again for its own module file, not for another's, a text or a test", (t) => {
  const entries = ["main_test.go", "main.go", "go-1.35.sum", "go-1.35.mod", "go.mod", "README.md", "pause/main.go"];
  t.deepEqual(launcherFiles("1.34", entries), ["go.mod", "main.go", "pause/main.go"]);
  t.deepEqual(launcherFiles("1.35", entries), ["go-1.35.mod", "go-1.35.sum", "go.mod", "main.go", "pause/main.go"]);
});
