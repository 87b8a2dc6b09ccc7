import { constants } from "node:os";
import { UserError } from "../../stacks/user-error.ts";
import { InputError } from "../../workloads/input-error.ts";
import { endOwnProcesses } from "./own-processes.ts";

/** What a command gets from {@link runMain}. */
export interface Session {
  /** Aborted by Ctrl-C or SIGTERM. Give it to every process that is started and look at it between steps. */
  readonly signal: AbortSignal;
  /** Registers work to do before the command ends, however it ends; the last one registered is done first. */
  readonly defer: (cleanUp: () => unknown) => void;
}

/** How long, in milliseconds, a command may take to stop after a signal before its clean-up begins anyway. */
const grace = 10_000;

/**
 * Runs a command: the one way that every script starts. A UserError or a wrong argument is printed without a stack and
 * exits with 1; any other error is a bug and keeps its stack. What `main` returns is the exit code (nothing means 0).
 * Ctrl-C and SIGTERM abort the session's signal, wait until `main` has stopped, clean up and exit with 128 + the
 * signal's number, as shells expect; a second signal does not wait for `main` any longer.
 */
export async function runMain(main: (session: Session) => Promise<number | undefined> | Promise<void>): Promise<void> {
  const controller = new AbortController();
  const cleanUps: (() => unknown)[] = [];
  const interruption = Promise.withResolvers<number>();
  let stopping: NodeJS.Timeout | undefined;

  const stopWaiting = () => {
    interruption.resolve(1);
  };
  const onSignal = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      stopWaiting();
      return;
    }
    controller.abort(new Interruption(name));
    stopping = setTimeout(stopWaiting, grace);
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  // The reader of a pipe may close it early (`compare ... | head`): that ends the command, and is no error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit();
    throw error;
  });

  const work = async () => {
    try {
      const code = await main({ signal: controller.signal, defer: (cleanUp) => void cleanUps.push(cleanUp) });
      return code ?? 0;
    } catch (error) {
      if (!controller.signal.aborted) printError(error);
      return 1;
    }
  };
  let code = await Promise.race([work(), interruption.promise]);
  clearTimeout(stopping);
  for (const cleanUp of cleanUps.reverse())
    try {
      await cleanUp();
    } catch (error) {
      printError(error);
      code ||= 1;
    }
  process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  const { reason } = controller.signal as { reason: unknown };
  if (reason instanceof Interruption) {
    console.error(`interrupted by ${reason.signal}`);
    // Something that did not heed the signal may still run, or hold the event loop open.
    endOwnProcesses("SIGTERM");
    process.exit(128 + constants.signals[reason.signal]);
  }
  process.exitCode = code;
}

class Interruption extends Error {
  override readonly name = "AbortError";
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`);
    this.signal = signal;
  }
}

function printError(error: unknown): void {
  if (error instanceof UserError || error instanceof InputError) console.error(error.message);
  else if (isArgumentError(error)) console.error(`${error.message}\n  Next: see --help`);
  else console.error(error);
}

/** What util.parseArgs throws for an argument that it does not know. */
function isArgumentError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS_");
}
