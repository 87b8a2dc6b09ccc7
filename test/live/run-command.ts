import { spawn } from "node:child_process";
import { join } from "node:path";
import { root } from "../../stacks/root.ts";

/** Runs one of the project's commands, such as doctor, in this process's environment. */
export async function runCommand(
  name: string,
  args: readonly string[],
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [join(root, "scripts", `${name}.ts`), ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  return await new Promise((resolve, reject) => {
    child.on("error", reject).on("close", (code) => {
      resolve({ code, output });
    });
  });
}
