import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type { CommandInputs } from "./inputs.ts";
import { openOutputPipes } from "./output-pipes.ts";

export interface CommandOutput {
  stdout: string;
  stderr: string;
}

export interface CommandRun {
  script: string;
  inputs: CommandInputs;
  /** What the last run printed, for the environment. */
  previous?: Partial<CommandOutput>;
  /** The script holds a secret: it is not repeated in errors. */
  scriptIsSecret: boolean;
  /** Receives each line while the command runs, as far as `logging` wants them. */
  onLine: (line: string) => Promise<void>;
}

/** What a cancelled command is given to clean up, in milliseconds: less than the engine's 5 s for the plugin. */
const grace = 3000;

/** The process groups of running commands, by their leaders' ids. */
const running = new Set<number>();
/** Groups asked to end: a leader may be gone while its background children, deaf to SIGINT, are not. */
const cancelled = new Set<number>();

/**
 * Runs one script to its end.
 * @returns what it printed, without the last newline
 * @throws Error with the exit status, the script and all output, as the real provider words it; never with stdin
 */
export async function runCommand(run: CommandRun): Promise<CommandOutput> {
  const logging = (run.inputs.logging ?? "stdoutAndStderr").toLowerCase();
  let shown = Promise.resolve();
  const show = (line: string) => {
    shown = shown.then(() => run.onLine(line));
  };
  const pipes = await openOutputPipes({
    ...(logging.includes("stdout") ? { stdout: show } : {}),
    ...(logging.includes("stderr") ? { stderr: show } : {}),
  });
  const ended = waitForEnd(start(run, pipes.stdout, pipes.stderr));
  pipes.handedOver();
  const failure = await ended;
  const { stdout, stderr } = await pipes.drain();
  if (logging !== "none") show("");
  await shown;
  if (failure !== undefined) {
    const script = run.scriptIsSecret ? "[secret]" : JSON.stringify(run.script);
    throw new Error(`${failure}: running ${script}:\n${stdout}${stderr}`);
  }
  return { stdout: withoutLastNewline(stdout), stderr: withoutLastNewline(stderr) };
}

/** Asks all running commands to end, and ends what is left of them after a while. */
export async function cancelCommands(): Promise<void> {
  const groups = [...running];
  for (const group of groups) {
    cancelled.add(group);
    signalGroup(group, "SIGINT");
  }
  await sleep(grace, undefined, { ref: false });
  for (const group of groups) {
    signalGroup(group, "SIGKILL");
    cancelled.delete(group);
  }
}

/** Ends all running and cancelled commands at once. */
export function killCommands(): void {
  for (const group of new Set([...running, ...cancelled])) signalGroup(group, "SIGKILL");
}

/** Signals a command's whole group: a shell's children too. */
function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function start({ script, inputs, previous }: CommandRun, stdout: number, stderr: number): ChildProcess {
  const interpreter = inputs.interpreter?.length ? inputs.interpreter : ["/bin/sh", "-c"];
  const [program, ...flags] = interpreter as [string, ...string[]];
  const child = spawn(program, [...flags, script], {
    cwd: inputs.dir,
    env: { ...process.env, ...inputs.environment, ...previousOutput(inputs, previous) },
    stdio: ["pipe", stdout, stderr],
    detached: true, // a process group of its own, which cancelling can end
  });
  const group = child.pid;
  if (group !== undefined) {
    running.add(group);
    child.on("close", () => running.delete(group));
  }
  // A command that does not read its stdin closes the pipe early: its own business.
  child.stdin?.on("error", () => undefined).end(inputs.stdin ?? "");
  return child;
}

function previousOutput(inputs: CommandInputs, previous: Partial<CommandOutput> = {}): Record<string, string> {
  if (inputs.addPreviousOutputInEnv === false) return {};
  return {
    ...(previous.stdout ? { PULUMI_COMMAND_STDOUT: previous.stdout } : {}),
    ...(previous.stderr ? { PULUMI_COMMAND_STDERR: previous.stderr } : {}),
  };
}

/** Resolves with what went wrong, worded as Go's os/exec does, or nothing. */
function waitForEnd(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    child.on("error", (error) => {
      resolve(error.message);
    });
    child.on("close", (code, signal) => {
      resolve(signal ? `signal: ${signal}` : code ? `exit status ${code}` : undefined);
    });
  });
}

function withoutLastNewline(text: string): string {
  return text.endsWith("\n") ? text.slice(0, -1) : text;
}
