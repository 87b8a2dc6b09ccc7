import { spawn } from "node:child_process";
import { root } from "../../stacks/root.ts";
import { updateArguments } from "../lib/bring-up.ts";
import { pulumiEnvironment } from "../lib/pulumi.ts";
import { pulumiCli } from "../lib/toolchain.ts";

/** A `pulumi up` that runs while something goes wrong around it. */
export interface Update {
  readonly pid: number;
  /** Aborted when it has ended, however it did. */
  readonly over: AbortSignal;
  /** Its exit code (null when it was killed) and all that it printed. */
  readonly end: Promise<{ code: number | null; output: string }>;
}

/** Starts `pulumi up` on a stack and comes back at once. Whether it succeeds is the caller's business. */
export async function startUpdate(stack: string, flags: readonly string[] = []): Promise<Update> {
  const over = new AbortController();
  const child = spawn(await pulumiCli(), [...updateArguments(stack), "--color=never", ...flags], {
    cwd: root,
    env: { ...process.env, ...pulumiEnvironment() },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const end = new Promise<{ code: number | null; output: string }>((resolve, reject) => {
    child.on("error", reject);
    // Not "close": plugins that outlive a killed CLI keep its output open.
    child.on("exit", (code) => {
      setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
        resolve({ code, output });
      }, 200);
    });
  }).finally(() => {
    over.abort();
  });
  if (child.pid === undefined) throw new Error("pulumi did not start");
  return { pid: child.pid, over: over.signal, end };
}
