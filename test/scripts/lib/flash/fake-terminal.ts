import { PassThrough } from "node:stream";
import type { Terminal } from "../../../../scripts/lib/ask.ts";

export interface FakeTerminal extends Terminal {
  /** All that was written, without the redrawn lines. */
  readonly text: () => string;
  readonly input: PassThrough & { isTTY: boolean };
}

/** @param answers typed, line by line, each when its turn has come */
export function fakeTerminal(answers: readonly string[] = [], isTTY = true): FakeTerminal {
  const input = Object.assign(new PassThrough(), { isTTY });
  const left = [...answers];
  let written = "";
  return {
    input,
    output: {
      isTTY: false,
      write: (text: string) => {
        written += text;
        const answer = text.endsWith(": ") ? left.shift() : undefined;
        if (answer !== undefined) setImmediate(() => input.write(answer));
      },
    },
    text: () => written,
  };
}
