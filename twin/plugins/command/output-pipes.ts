import { execFile } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

export interface OutputPipes {
  /** File descriptors for the command. */
  stdout: number;
  stderr: number;
  /** Closes them here, once the command has them. */
  handedOver: () => void;
  /** All that was written, once the command has ended. */
  drain: () => Promise<{ stdout: string; stderr: string }>;
}

type OnLine = (line: string) => void;

/** How long output is waited for that a command's left-over children may still write, in milliseconds. */
const patience = 1000;

/**
 * Pipes for what a command prints; lines are passed on as they come. Real pipes: those that Node makes for a child are
 * sockets, on which `echo x > /dev/stderr` fails (ENXIO), and on a file the same would cut off what was written before.
 */
export async function openOutputPipes(onLine: { stdout?: OnLine; stderr?: OnLine }): Promise<OutputPipes> {
  const directory = await mkdtemp(join(tmpdir(), "pulumi-command-"));
  try {
    const paths = ["stdout", "stderr"].map((name) => join(directory, name));
    await promisify(execFile)("mkfifo", ["-m", "600", ...paths]);
    const [stdout, stderr] = [
      openPipe(join(directory, "stdout"), onLine.stdout),
      openPipe(join(directory, "stderr"), onLine.stderr),
    ];
    return {
      stdout: stdout.writer,
      stderr: stderr.writer,
      handedOver: () => {
        closeSync(stdout.writer);
        closeSync(stderr.writer);
      },
      drain: async () => {
        const [out, error] = await Promise.all([stdout.drain(), stderr.drain()]);
        return { stdout: out, stderr: error };
      },
    };
  } finally {
    await rm(directory, { recursive: true }); // open pipes need no name
  }
}

function openPipe(path: string, onLine: OnLine = () => undefined): { writer: number; drain: () => Promise<string> } {
  // The reader first and without blocking: either end of a pipe waits for the other.
  const reader = new Socket({ fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK), writable: false });
  const writer = openSync(path, constants.O_WRONLY);
  const text = readText(reader, onLine);
  return {
    writer,
    drain: async () => {
      await Promise.race([text, sleep(patience, undefined, { ref: false })]);
      reader.destroy();
      return text;
    },
  };
}

function readText(reader: Socket, onLine: OnLine): Promise<string> {
  const decoder = new StringDecoder("utf8"); // a chunk may end inside a character
  let text = "";
  let shown = 0;
  const show = (end: number) => {
    const lines = text.slice(shown, end).split("\n");
    lines.filter((line) => line.trim() !== "").forEach(onLine);
    shown = end;
  };
  return new Promise((resolve) => {
    reader.on("data", (chunk: Buffer) => {
      text += decoder.write(chunk);
      show(text.lastIndexOf("\n") + 1);
    });
    reader.on("error", () => undefined); // followed by close
    reader.on("close", () => {
      text += decoder.end();
      show(text.length);
      resolve(text);
    });
  });
}
