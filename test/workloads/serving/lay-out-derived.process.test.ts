import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { root } from "../../../stacks/root.ts";
import { derivedFiles } from "../../../workloads/serving/model-containers.ts";
import { renderServing } from "../../../workloads/serving/served-model.ts";
import { testWithTools } from "../../with-tools.ts";
import { exampleServing } from "./example-model.ts";

const script = readFileSync(join(root, "workloads/serving/lay-out-derived.sh"), "utf8");
const { base, derived } = exampleServing;
const hex = (digest: string) => digest.slice("sha256:".length);

/** A node's directory of models that holds the base, and the files as a ConfigMap mounts them. */
function node(t: ExecutionContext) {
  const directory = mkdtempSync(join(tmpdir(), "lay-out-derived-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  const [models, files] = [join(directory, "models"), join(directory, "files")];
  const blobs = join(models, hex(base.digest), "blobs");
  for (const path of [blobs, files]) mkdirSync(path, { recursive: true });
  for (const digest of derived.shared) writeFileSync(join(blobs, digest.replace(":", "-")), `blob ${digest}`);
  for (const [name, text] of Object.entries(derivedFiles(derived))) writeFileSync(join(files, name), text);
  const { env = [] } = renderServing(exampleServing).deployment.spec.template.spec.initContainers[1] ?? {};
  const environment = Object.fromEntries(env.map(({ name, value }) => [name, value]));
  return {
    files,
    blobs,
    served: join(models, hex(derived.digest)),
    environment: { ...environment, PATH: process.env.PATH, MODELS: models, FILES: files },
  };
}

test("the derived model lies as Ollama stores it, the base's blobs once on the disk, and a second time nothing changes", (t) => {
  const { served, blobs, environment } = node(t);
  for (let time = 0; time < 2; time++) {
    execFileSync("sh", ["-c", script], { env: environment });
    const names = [...derived.shared, ...derived.blobs.map(({ digest }) => digest)].map((each) =>
      each.replace(":", "-"),
    );
    t.deepEqual(readdirSync(join(served, "blobs")), names.sort());
    for (const { digest, text } of derived.blobs)
      t.is(readFileSync(join(served, "blobs", digest.replace(":", "-")), "utf8"), text);
    t.is(readFileSync(join(served, derived.manifest.path), "utf8"), derived.manifest.text);
    const shared = derived.shared[0]?.replace(":", "-") ?? "";
    t.is(statSync(join(served, "blobs", shared)).ino, statSync(join(blobs, shared)).ino);
  }
});

test("a file that is not what its digest says stops it before there is a manifest", (t) => {
  const { files, served, environment } = node(t);
  const [blob] = derived.blobs;
  writeFileSync(join(files, blob?.digest.replace(":", "-") ?? ""), "{}\n");
  const { status, stderr } = spawnSync("sh", ["-c", script], { env: environment, encoding: "utf8" });
  t.is(status, 1);
  t.regex(stderr, /is sha256:[0-9a-f]{64}, not sha256:[0-9a-f]{64}: the disk is full, or damaged/);
  t.throws(() => readFileSync(join(served, derived.manifest.path)), { code: "ENOENT" });
});

testWithTools(["shellcheck"], "shellcheck finds nothing in it", (t) => {
  const { stdout } = spawnSync("shellcheck", ["--shell=sh", "--norc", "-"], { input: script, encoding: "utf8" });
  t.is(stdout, "");
});
