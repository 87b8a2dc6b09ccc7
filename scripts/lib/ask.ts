import { createInterface } from "node:readline";

/** Where text goes; process.stdout is one. */
export interface TerminalOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Where questions go and answers come from. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: TerminalOutput;
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
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
  const abort = () => {
    reject(signal.reason as Error);
  };
  signal.addEventListener("abort", abort, { once: true });
  lines.once("line", (line) => {
    resolve(line.trim());
  });
  lines.once("close", () => {
    resolve(undefined);
  });
  let answer: string | undefined;
  try {
    answer = await promise;
    return answer;
  } finally {
    signal.removeEventListener("abort", abort);
    lines.close();
    // The person ended no line, so what comes next would stand behind the question.
    if (answer === undefined) terminal.output.write("\n");
  }
}
