import { spawn } from "node:child_process";
import { delimiter } from "node:path";
import { UserError } from "../user-error.ts";

const packages: Readonly<Record<string, string>> = {
  mcopy: "mtools",
  mdir: "mtools",
  mtype: "mtools",
  "fsck.vfat": "dosfstools",
  xz: "xz-utils",
};

/** For commands whose output is bytes on a card: those depend on the input alone. */
export function commandEnvironment(): NodeJS.ProcessEnv {
  return {
    LC_ALL: "C",
    // fsck.vfat lies in sbin, which is not on everyone's PATH.
    PATH: [process.env.PATH, "/usr/sbin", "/sbin"].join(delimiter),
    // No settings of the user's, one time zone and one time.
    MTOOLSRC: "/dev/null",
    TZ: "UTC",
    SOURCE_DATE_EPOCH: String(Date.UTC(2020, 0, 1) / 1000),
  };
}

/** @throws UserError when the command isn't installed */
export async function run(
  command: string,
  args: readonly string[],
  stdin = "",
): Promise<{ code: number; stdout: Buffer; stderr: string }> {
  const child = spawn(command, args, { env: commandEnvironment() });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  // A command that fails early closes its input: its exit code tells more than the broken pipe.
  child.stdin.on("error", () => undefined);
  child.stdin.end(stdin);
  return await new Promise((resolve, reject) => {
    child.on("error", (error) => {
      reject(commandError(command, error));
    });
    child.on("close", (code) => {
      resolve({ code: code ?? 1, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() });
    });
  });
}

/** What a command's failure to start means: a UserError that says what to install, where it is missing. */
export function commandError(command: string, error: NodeJS.ErrnoException): Error {
  if (error.code !== "ENOENT") return error;
  return new UserError({
    what: `the command ${command} is missing`,
    next: `install it, on Debian with \`apt-get install ${packages[command] ?? "coreutils"}\``,
  });
}
