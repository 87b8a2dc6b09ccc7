import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { bundle, type Surroundings } from "../../../../scripts/lib/bundle/command.ts";
import { experimentSchema } from "../../../../stacks/config/experiment.ts";
import { parseSite, type StackConfig } from "../../../../stacks/config/parse.ts";
import { fakeTerminal } from "../flash/fake-terminal.ts";
import { fakeInternet, serveImage, serveModel, sha256, tarOf, type FakeInternet } from "./fake-internet.ts";

export const release = "v1.34.2+k3s1";

/** A site whose artefacts a server on the loopback interface has, and a place for its bundle. */
export interface FakeSite {
  readonly internet: FakeInternet;
  /** What is `bramble:site`; tests change it. */
  config: ReturnType<typeof siteConfig>;
  readonly stacks: Map<string, StackConfig>;
  /** Holds bundles. */
  readonly bundles: string;
  /** Of this site. */
  readonly directory: string;
  readonly releases: string;
  /** Runs the command. @returns what it wrote */
  readonly run: (args?: readonly string[], change?: Partial<Surroundings>) => Promise<string>;
}

const settings = {
  network: { prefix: 24, gateway: "192.168.7.1" },
  nodes: { "pi-1": { role: "server", address: "192.168.7.11" } },
};

/** Content that every test has a digest for. */
export const content = {
  os: Buffer.from("base image ".repeat(2000)),
  k3s: Buffer.from("k3s ".repeat(5000)),
  airgap: Buffer.from("air-gap images ".repeat(3000)),
  local: Buffer.from("archive of our own ".repeat(100)),
  weights: Buffer.from("weights ".repeat(20_000)),
};

export async function ollamaLayers(): Promise<Buffer[]> {
  return [
    await tarOf([
      { name: "etc/", type: "directory" },
      { name: "etc/os-release", content: "Ubuntu" },
    ]),
    await tarOf([
      { name: "usr/lib/ollama/", type: "directory" },
      { name: "usr/lib/ollama/cuda_v12/", type: "directory" },
      { name: "usr/lib/ollama/cuda_v12/libcublas.so.12", content: "c".repeat(50_000) },
      { name: "usr/lib/ollama/cuda_jetpack6/libggml-cuda.so", content: "j".repeat(30_000) },
      { name: "usr/lib/ollama/libggml-cpu.so", content: "cpu" },
      { name: "usr/bin/ollama", content: "program", mode: 0o755 },
    ]),
  ];
}

function siteConfig(internet: FakeInternet, local: string, image: string) {
  const base = `http://${internet.host}/releases/${encodeURIComponent(release)}`;
  return {
    name: "barn",
    ...settings,
    image: { url: `http://${internet.host}/os/raspios.img.xz`, sha256: sha256(content.os) } as object,
    k3s: {
      version: release,
      binary: { url: `${base}/k3s-arm64`, sha256: sha256(content.k3s) },
      images: [{ url: `${base}/k3s-airgap-images-arm64.tar.zst`, sha256: sha256(content.airgap) }],
    },
    images: [{ image }, { file: local, sha256: sha256(content.local) }] as object[],
    experiments: ["threads-1", "threads-2"],
    modelRegistry: internet.host,
  };
}

export async function fakeSite(t: ExecutionContext): Promise<FakeSite> {
  const internet = await fakeInternet();
  const folder = mkdtempSync(join(tmpdir(), "bramble-bundle-"));
  t.teardown(() => {
    internet.close();
    rmSync(folder, { recursive: true });
  });
  return await fillSite(internet, folder);
}

export async function fillSite(internet: FakeInternet, folder: string): Promise<FakeSite> {
  const bundles = join(folder, "bundles");
  const local = join(folder, "runner.tar");
  writeFileSync(local, content.local);
  const path = `/releases/${encodeURIComponent(release)}`;
  const sums = [
    `${sha256(content.k3s)}  k3s-arm64`,
    `${sha256(content.airgap)}  k3s-airgap-images-arm64.tar.zst`,
    `${"0".repeat(64)}  k3s-airgap-images-arm64.tar`,
  ];
  internet.files
    .set("/os/raspios.img.xz", content.os)
    .set(`${path}/k3s-arm64`, content.k3s)
    .set(`${path}/k3s-airgap-images-arm64.tar.zst`, content.airgap)
    .set(`${path}/sha256sum-arm64.txt`, Buffer.from(`${sums.join("\n")}\n`));
  const image = serveImage(internet, "ollama/ollama", "0.17.4", await ollamaLayers());
  const digest = serveModel(internet, "gemma3", "270m", content.weights);
  const experiment = experimentSchema.parse({
    site: "barn",
    models: { gemma: { reference: "gemma3:270m", digest } },
    images: { ollama: image.reference, runner: "bramble/node:24" },
    nodes: { models: ["pi-1"], runner: "pi-1" },
    variants: { threads: [1] },
    scenarios: { short: { prompts: "short", maxTokens: 8 } },
  });
  const site: FakeSite = {
    internet,
    config: siteConfig(internet, local, image.reference),
    stacks: new Map([["threads-1", { kind: "experiment", experiment }]]),
    bundles,
    directory: join(bundles, "barn"),
    releases: `http://${internet.host}/releases/`,
    run: async (args = [], change = {}) => {
      const terminal = fakeTerminal();
      const cleanUps: (() => unknown)[] = [];
      const surroundings: Surroundings = {
        terminal,
        readStack: (stack) =>
          stack === "barn" ? { kind: "site", site: parseSite("barn", site.config) } : site.stacks.get(stack),
        bundles,
        releases: site.releases,
        patience: { silence: 2000, tries: 2, pause: 5 },
        freeBytes: () => Promise.resolve(1e12),
        ...change,
      };
      const session = {
        signal: new AbortController().signal,
        defer: (cleanUp: () => unknown) => void cleanUps.push(cleanUp),
      };
      try {
        await bundle(["barn", ...args], session, surroundings);
      } finally {
        for (const cleanUp of cleanUps) await cleanUp();
      }
      return terminal.text();
    },
  };
  return site;
}
