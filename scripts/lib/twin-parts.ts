import { baseImage } from "../../twin/base-image.ts";
import { buildImages } from "../../twin/images.ts";
import { provideK3s } from "../../twin/k3s-release.ts";
import { buildOllama, ollamaVersion } from "../../twin/ollama.ts";
import { installDebianPackages } from "../../twin/requirements.ts";
import type { Report, Steps } from "./steps.ts";
import { pulumiCli } from "./toolchain.ts";

/**
 * Everything that a twin is made of, built or found in the cache. The Go builds run one after the other, since each
 * uses all cores; what mostly waits for the network or the disk runs beside them.
 */
export async function provideTwinParts(steps: Steps) {
  await steps.run("Debian packages", installDebianPackages);
  const builds = async () => {
    await steps.run("Pulumi CLI", pulumiCli);
    const k3s = await steps.run("K3s", provideK3s);
    const ollama = await steps.run("Ollama", ending(buildOllama, `${ollamaVersion}, built from its Go module`));
    return { k3s, ollama };
  };
  const [{ k3s, ollama }, image] = await Promise.all([
    builds(),
    steps.run("base image", ending(baseImage, "Debian 12 with cloud-init")),
  ]);
  const images = await steps.run("container images", ending(buildImages, "Ollama, and Node for the benchmark"));
  return { k3s, ollama, image, images };
}

/** The same step, reporting at its end what came of it instead of what it did last. */
function ending<Value>(work: (report: Report) => Promise<Value>, result: string) {
  return async (report: Report): Promise<Value> => {
    const value = await work(report);
    report(result);
    return value;
  };
}
