import { createInterface } from "node:readline";
import type { ProgressOutput } from "./progress.ts";

/** Where questions go and answers come from. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: ProgressOutput;
}

/**
 * Asks a question and waits for one line.
 * @returns the line without white space around it; undefined when the input ended
 * @throws the signal's reason when that is aborted
 */
export async function ask(terminal: Terminal, question: string, signal: AbortSignal): Promise<string | undefined> {
  signal.throwIfAborted();
  terminal.output.write(question);
  // Not as a terminal of readline's: it would take Ctrl-C for itself. The kernel's own line editing is enough for a name.
  const lines = createInterface({ input: terminal.input, terminal: false });
  try {
    return await new Promise((resolve, reject) => {
      const abort = () => {
        terminal.output.write("\n");
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", abort, { once: true });
      lines.once("line", (line) => {
        signal.removeEventListener("abort", abort);
        resolve(line.trim());
      });
      lines.once("close", () => {
        signal.removeEventListener("abort", abort);
        resolve(undefined);
      });
    });
  } finally {
    lines.close();
  }
}
