import { text } from "node:stream/consumers";
import type { z } from "zod";
import { UserError } from "../user-error.ts";

/**
 * Runs one of the programs that `stackCommand` starts: its input comes as JSON on stdin, and what it returns is printed, for
 * Pulumi to keep. A failure goes to stderr, a UserError as its message alone, and the exit code is 1.
 */
export async function runStackProgram<Schema extends z.ZodType>(
  inputSchema: Schema,
  main: (input: z.output<Schema>) => Promise<string>,
): Promise<void> {
  try {
    console.log(await main(inputSchema.parse(JSON.parse(await text(process.stdin)))));
  } catch (error) {
    console.error(error instanceof UserError ? error.message : error);
    process.exitCode = 1;
  }
}
