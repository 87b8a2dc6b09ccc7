import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { median } from "simple-statistics";
import { stateDirectory } from "../../stacks/root.ts";
import { generate, limits, serverVersion } from "../../workloads/benchmark/ollama-client.ts";
import type { RequestRecord } from "../../workloads/benchmark/record.ts";
import { buildOllama } from "../../twin/ollama.ts";
import { registryModel } from "../../twin/model.ts";
import { metrics } from "../lib/results/metrics.ts";
import type { Bench } from "./figure.ts";
import { rounded } from "./paired.ts";

const requests = 12;
const tokens = 128;

/**
 * `decode-rate-error`: how far the decode rate that the client sees in the gaps between tokens lies from what Ollama's own counters
 * say, as a fraction: the median over requests to a real Ollama with the twin's model, on this machine. Its eval_duration leaves
 * out the time that sampling takes (runner/ollamarunner/runner.go), 3 % of a token of a model as small as this with a vocabulary as
 * large; so the counters are total_duration less load_duration and prompt_eval_duration. The other error is told beside.
 */
export const benchDecodeRate: Bench = async ({ report, signal }) => {
  const progress = (line: string) => {
    console.error(line);
  };
  const ollama = join(await buildOllama(progress), "ollama");
  const model = await registryModel(ollama, progress);
  await mkdir(stateDirectory, { recursive: true });
  const directory = await mkdtemp(join(stateDirectory, "bench-ollama-"));
  try {
    await layOut(model.storage, model.reference, model.digest, directory);
    const port = await freePort();
    const environment = {
      PATH: process.env.PATH,
      HOME: directory,
      OLLAMA_MODELS: directory,
      OLLAMA_HOST: `127.0.0.1:${port}`,
    };
    const child = spawn(ollama, ["serve"], { env: environment, stdio: "ignore" });
    try {
      const server = { url: new URL(`http://127.0.0.1:${port}`), limits, signal };
      await serverVersion(server);
      const errors: number[] = [];
      const withoutSampling: number[] = [];
      for (let number = -1; number < requests; number++) {
        const measured = await generate(server, {
          ...{ model: model.reference, prompt: `${number + 10} Tell a long story about a lighthouse.`, threads: 1 },
          ...{ context: 1024, maxTokens: tokens, seed: 1, keepAnswer: false, cold: false },
        });
        const record = measured as RequestRecord;
        const [seen, own] = [metrics["decode-rate"].of(record), metrics["ollama-eval-rate"].of(record)];
        const { total, load, promptEval } = record.ollama;
        if (seen === null || own === null || total === null || load === null || promptEval === null)
          throw new Error(`${measured.outcome}: ${measured.error ?? ""}`);
        if (number < 0) continue;
        // The first token is there when the prompt is read.
        errors.push(seen / ((((record.tokensOut ?? 0) - 1) / (total - load - promptEval)) * 1e9) - 1);
        withoutSampling.push(seen / own - 1);
      }
      const value = Math.abs(median(errors));
      report({
        ...{
          name: "decode-rate-error",
          value: rounded(value),
          unit: "fraction",
          baseline: 0.01,
          ratio: rounded(value / 0.01),
        },
        ...{ requests, tokens, signed: errors.map(rounded) },
        against: "Ollama's eval_count over its total_duration less load_duration and prompt_eval_duration",
        againstEvalDuration: rounded(median(withoutSampling)),
      });
    } finally {
      child.kill();
      await Promise.race([once(child, "close"), sleep(5_000)]);
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};

/** From a registry's storage to a directory that Ollama serves from. */
async function layOut(storage: string, reference: string, digest: string, models: string): Promise<void> {
  const [name = "", tag = ""] = reference.split(":");
  const blob = (full: string) => {
    const hex = full.slice("sha256:".length);
    return join(storage, "docker/registry/v2/blobs/sha256", hex.slice(0, 2), hex, "data");
  };
  const manifest = join(models, "manifests/registry.ollama.ai/library", name);
  await mkdir(manifest, { recursive: true });
  await mkdir(join(models, "blobs"));
  await cp(blob(digest), join(manifest, tag));
  const { config, layers } = JSON.parse(await readFile(blob(digest), "utf8")) as {
    config: { digest: string };
    layers: { digest: string }[];
  };
  for (const one of [config, ...layers])
    await cp(blob(one.digest), join(models, "blobs", one.digest.replace(":", "-")));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
