import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { root } from "../../../stacks/root.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const weights = "weights";
const manifestText = JSON.stringify({ layers: [{ digest: `sha256:${sha256(weights)}` }] });

/** Stands in for the Ollama program: "pull" writes the model into OLLAMA_MODELS, "serve" waits. Says what it was asked. */
const fakeOllama = `#!/bin/sh
echo "$*" >> "$HOME/calls"
case $1 in
serve) while :; do sleep 0.1; done ;;
list) exit 0 ;;
pull)
  [ ! -e "$HOME/fail" ] || { echo "Error: max retries exceeded" >&2; exit 1; }
  mkdir -p "$OLLAMA_MODELS/blobs" "$OLLAMA_MODELS/manifests/site/library/m"
  printf ${weights} > "$OLLAMA_MODELS/blobs/sha256-${sha256(weights)}"
  cp "$HOME/manifest" "$OLLAMA_MODELS/manifests/site/library/m/1" ;;
cp) mkdir -p "$(dirname "$OLLAMA_MODELS/$MANIFEST")"; cp "$OLLAMA_MODELS/manifests/site/library/m/1" "$OLLAMA_MODELS/$MANIFEST" ;;
rm) rm -f "$OLLAMA_MODELS/$MANIFEST" ;;
esac
`;

function world(t: ExecutionContext) {
  const directory = mkdtempSync(join(tmpdir(), "fetch-model-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  const [home, models, bin] = ["home", "models", "bin"].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [home, models, bin]) mkdirSync(path);
  writeFileSync(join(bin, "ollama"), fakeOllama);
  chmodSync(join(bin, "ollama"), 0o755);
  writeFileSync(join(home, "manifest"), manifestText);
  const env = {
    PATH: `${bin}:${process.env.PATH ?? ""}`,
    HOME: home,
    OLLAMA_MODELS: models,
    REFERENCE: "registry.ollama.ai/library/m:1",
    SOURCE: "site/library/m:1",
    DIGEST: sha256(manifestText),
    MANIFEST: "manifests/registry.ollama.ai/library/m/1",
    INSECURE: "--insecure",
    BYTES: "0",
    RESERVE: "0",
  };
  const script = readFileSync(join(root, "workloads/ollama/fetch-model.sh"), "utf8");
  const fetchModel = (changes: Record<string, string> = {}) =>
    new Promise<{ code: number; output: string }>((resolve) => {
      execFile("sh", ["-c", script], { env: { ...env, ...changes } }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr });
      });
    });
  const calls = () => {
    const path = join(home, "calls");
    return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [];
  };
  const put = (path: string, text: string) => {
    mkdirSync(dirname(join(models, path)), { recursive: true });
    writeFileSync(join(models, path), text);
  };
  /** A disk with so many KiB free. */
  const free = (kibibytes: number) => {
    writeFileSync(
      join(bin, "df"),
      `#!/bin/sh\n[ "$*" = "-Pk ." ] || exit 1\nprintf 'Filesystem 1024-blocks Used Available Capacity Mounted on\\n/dev/x 9 9 ${kibibytes} 9%% /\\n'\n`,
      { mode: 0o755 },
    );
  };
  return { home, models, fetchModel, calls, put, free };
}

test("a model is pulled, named and checked once", async (t) => {
  const { models, fetchModel, calls } = world(t);
  t.deepEqual(await fetchModel(), {
    code: 0,
    output: "pulling site/library/m:1\nregistry.ollama.ai/library/m:1 is here\n",
  });
  t.true(calls().includes("pull --insecure site/library/m:1"));
  t.is(readFileSync(join(models, "manifests/registry.ollama.ai/library/m/1"), "utf8"), manifestText);
  const before = calls().length;
  t.deepEqual(await fetchModel(), { code: 0, output: "registry.ollama.ai/library/m:1 is here already\n" });
  t.is(calls().length, before);
});

test("experiments that start together pull once", async (t) => {
  const { fetchModel, calls } = world(t);
  const results = await Promise.all([fetchModel(), fetchModel(), fetchModel()]);
  for (const { code, output } of results) t.is(code, 0, output);
  t.is(calls().filter((call) => call.startsWith("pull")).length, 1);
});

test("another model than the locked one is refused, and does not stay under the name", async (t) => {
  const { home, models, fetchModel } = world(t);
  writeFileSync(join(home, "manifest"), "{}");
  const { code, output } = await fetchModel();
  t.is(code, 1);
  t.regex(output, new RegExp(`is sha256:${sha256("{}")}, but the experiment locks sha256:${sha256(manifestText)}`));
  t.false(existsSync(join(models, "manifests/registry.ollama.ai/library/m/1")));
  writeFileSync(join(home, "manifest"), manifestText);
  t.is((await fetchModel()).code, 0);
});

test("what a power cut left half-written is removed, parts of a pull are not", async (t) => {
  const { models, fetchModel, put } = world(t);
  put(`blobs/sha256-${sha256("other")}`, "oth");
  put(`blobs/sha256-${sha256("whole")}`, "whole");
  put(`blobs/sha256-${sha256("large")}-partial-0`, "{}");
  const { code, output } = await fetchModel();
  t.is(code, 0);
  t.regex(output, new RegExp(`blobs/sha256-${sha256("other")} is damaged: removed`));
  t.false(existsSync(join(models, `blobs/sha256-${sha256("other")}`)));
  t.true(existsSync(join(models, `blobs/sha256-${sha256("whole")}`)));
  t.true(existsSync(join(models, `blobs/sha256-${sha256("large")}-partial-0`)));
});

test("a registry that does not answer is named with Ollama's own words", async (t) => {
  const { home, fetchModel } = world(t);
  writeFileSync(join(home, "fail"), "");
  const { code, output } = await fetchModel();
  t.is(code, 1);
  t.regex(output, /pulling site\/library\/m:1 failed:\nError: max retries exceeded/);
});

const mebibyte = 1024 ** 2;

test("a disk on which the model would leave too little is an error before anything is pulled", async (t) => {
  const { fetchModel, calls, free } = world(t);
  free(100 * 1024);
  const { code, output } = await fetchModel({ BYTES: String(90 * mebibyte), RESERVE: String(20 * mebibyte) });
  t.is(code, 1);
  t.regex(
    output,
    /the disk is too full for registry\.ollama\.ai\/library\/m:1: (89|90) MiB are to come and 20 MiB to stay free, but only 100 MiB are free/,
  );
  t.deepEqual(calls(), []);
});

test("what an interrupted pull left there has its room already", async (t) => {
  const { fetchModel, free, put } = world(t);
  free(100 * 1024);
  put(`blobs/sha256-${sha256("large")}-partial-0`, "x".repeat(20 * mebibyte));
  t.is((await fetchModel({ BYTES: String(90 * mebibyte), RESERVE: String(20 * mebibyte) })).code, 0);
});

test("a model whose size nobody knows still leaves the reserve free", async (t) => {
  const { fetchModel, free } = world(t);
  free(10 * 1024);
  t.is((await fetchModel({ RESERVE: String(20 * mebibyte) })).code, 1);
  free(30 * 1024);
  t.is((await fetchModel({ RESERVE: String(20 * mebibyte) })).code, 0);
});
