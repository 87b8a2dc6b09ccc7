import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { stringify } from "yaml";
import { parseLock } from "../../../../stacks/config/bundle-lock.ts";
import { testWithTools } from "../../../with-tools.ts";
import { digestOf, fakeInternet } from "./fake-internet.ts";
import { content, fillSite } from "./fake-site.ts";

async function prepare(t: ExecutionContext) {
  const internet = await fakeInternet();
  const folder = mkdtempSync(join(tmpdir(), "bramble-bundle-"));
  t.teardown(() => {
    internet.close();
    rmSync(folder, { recursive: true });
  });
  const site = await fillSite(internet, folder);
  const [experiment] = site.stacks.values();
  if (experiment?.kind !== "experiment") throw new Error("there is no experiment");
  const { series, ...rest } = experiment.experiment;
  writeFileSync(join(folder, "releases"), site.releases);
  writeFileSync(join(folder, "Pulumi.barn.yaml"), stringify({ config: { "bramble:site": site.config } }));
  writeFileSync(
    join(folder, "Pulumi.threads-1.yaml"),
    stringify({ encryptionsalt: "v1:x", config: { "bramble:experiment": { series, ...rest } } }),
  );
  const start = (...args: string[]) =>
    spawn(process.execPath, [join(import.meta.dirname, "bundle-command.ts"), folder, ...args], {
      env: { ...process.env, XDG_CACHE_HOME: join(folder, "cache") },
    });
  const run = async (...args: string[]) => {
    const child = start(...args);
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    return { stdout, stderr, code: child.exitCode };
  };
  return { ...site, folder, start, run };
}

test("a run that is killed goes on where it stopped, and half a file never counts", async (t) => {
  const { internet, directory, start, run } = await prepare(t);
  const path = `/v2/library/gemma3/blobs/${digestOf(content.weights)}`;
  internet.intercept = (request, response) => {
    if (request.url !== path) return false;
    response.writeHead(200, { "content-length": content.weights.length });
    response.write(content.weights.subarray(0, 100_000));
    return true;
  };
  const child = start("barn");
  const partial = join(directory, ".partial", `${digestOf(content.weights).slice(7)}.partial`);
  while (!existsSync(partial) || statSync(partial).size < 100_000) {
    if (child.exitCode !== null) throw new Error(await text(child.stderr));
    await sleep(20);
  }
  child.kill("SIGKILL");
  await once(child, "close");
  t.false(existsSync(join(directory, "bundle.lock.json")));
  const none = await run("barn", "--verify");
  t.is(none.code, 1);
  t.regex(none.stderr, /there is no bundle/);

  internet.intercept = () => false;
  internet.requests.length = 0;
  const { code, stderr } = await run("barn");
  t.is(code, 0, stderr);
  t.true(internet.requests.includes(`GET ${path} from 100000`));
  t.deepEqual(
    internet.requests.filter((request) => /GET .*(k3s-arm64|raspios|zst)$/.test(request)),
    [],
  );
  const verified = await run("barn", "--verify");
  t.is(verified.code, 0, verified.stderr);
});

testWithTools(
  ["tar", "python3"],
  "an archive is what tar, Python and, where it is there, skopeo take for an image",
  async (t) => {
    const { directory, run } = await prepare(t);
    const { code, stderr } = await run("barn");
    t.is(code, 0, stderr);
    const { entries } = parseLock(readFileSync(join(directory, "bundle.lock.json"), "utf8"), "lock");
    const entry = entries.find(({ image }) => image !== undefined);
    const archive = join(directory, entry?.name ?? "");
    const listed = spawnSync("tar", ["tf", archive], { encoding: "utf8" });
    t.is(listed.status, 0, listed.stderr);
    t.deepEqual(listed.stdout.split("\n").slice(0, 2), ["oci-layout", "index.json"]);
    const read = spawnSync("python3", [join(import.meta.dirname, "read-image.py"), archive], { encoding: "utf8" });
    t.is(read.status, 0, read.stderr);
    const { manifests, layers } = JSON.parse(read.stdout) as { manifests: unknown[]; layers: string[][] };
    t.like(manifests[0], {
      digest: entry?.image?.manifest,
      annotations: { "io.containerd.image.name": entry?.image?.reference },
    });
    t.deepEqual(layers, [
      ["etc", "etc/os-release"],
      ["usr/lib/ollama", "usr/lib/ollama/libggml-cpu.so", "usr/bin/ollama"],
    ]);
    const skopeo = spawnSync("skopeo", ["inspect", "--override-arch=arm64", `oci-archive:${archive}`], {
      encoding: "utf8",
    });
    if (skopeo.error !== undefined) t.log("there is no skopeo here");
    else t.is(skopeo.status, 0, skopeo.stderr);
  },
);

for (const format of ["gnu", "pax", "ustar"])
  testWithTools(["tar", "zstd", "gzip"], `tar's own ${format} archives lose what is left out and nothing else`, (t) => {
    const folder = mkdtempSync(join(tmpdir(), "bramble-layer-"));
    t.teardown(() => {
      rmSync(folder, { recursive: true });
    });
    const script = join(import.meta.dirname, "filter-real-tar.sh");
    const result = spawnSync("sh", [script, format, join(import.meta.dirname, "filter-command.ts"), process.execPath], {
      cwd: folder,
      encoding: "utf8",
    });
    t.is(result.status, 0, result.stderr + result.stdout);
    t.is(result.stdout, "the same\n");
  });
