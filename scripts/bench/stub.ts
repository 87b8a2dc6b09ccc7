import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { generate, limits, type Measurement } from "../../workloads/benchmark/ollama-client.ts";

/** When the stub saw a request, and answered it: Unix milliseconds. */
export interface Seen {
  readonly arrived: number;
  readonly firstAt: number;
  readonly end: number;
}

export interface Stub {
  readonly url: URL;
  /** What it saw, in the order in which answers ended. */
  readonly log: Seen[];
  stop(): Promise<void>;
}

/** Starts stub-server.ts. @param times milliseconds to the first token and from token to token */
export async function startStub(times: {
  readonly first: number;
  readonly gap: number;
  readonly tokens: number;
  readonly workers?: number;
}): Promise<Stub> {
  const { first, gap, tokens, workers = 0 } = times;
  const args = [join(import.meta.dirname, "stub-server.ts"), ...[first, gap, tokens, workers].map(String)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const [port] = (await once(lines, "line")) as [string];
  const log: Seen[] = [];
  lines.on("line", (line) => log.push(JSON.parse(line) as Seen));
  return {
    url: new URL(`http://127.0.0.1:${port}`),
    log,
    async stop() {
      child.kill();
      await once(child, "close");
    },
  };
}

/** One request of the benchmark's own client. */
export async function askOnce(url: URL, signal: AbortSignal, tokens: number): Promise<Measurement> {
  return await generate(
    { url, limits, signal },
    {
      ...{ model: "stub", prompt: "0", threads: 1, context: 128, maxTokens: tokens, seed: 1 },
      ...{ keepAnswer: false, cold: false },
    },
  );
}
