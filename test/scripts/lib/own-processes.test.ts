import { spawn } from "node:child_process";
import { once } from "node:events";
import test from "ava";

const program = `
import { spawn } from "node:child_process";
import { endOwnProcesses } from ${JSON.stringify(new URL("../../../scripts/lib/own-processes.ts", import.meta.url).href)};
const ours = spawn("sh", ["-c", "sleep 300 & wait"], { stdio: "ignore" });
const apart = spawn("sleep", ["300"], { stdio: "ignore", detached: true });
await new Promise((resolve) => setTimeout(resolve, 200));
const ended = new Promise((resolve) => ours.once("exit", (code, signal) => resolve(signal)));
endOwnProcesses("SIGTERM");
console.log(await ended, apart.exitCode === null && process.kill(apart.pid, 0));
process.kill(apart.pid, "SIGKILL");
`;

test("what a command started ends with it, and what got a session of its own stays", async (t) => {
  if (process.platform !== "linux") {
    t.log("skipped: there is no /proc");
    t.pass();
    return;
  }
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program]);
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  await once(child, "close");
  t.is(output, "SIGTERM true\n");
});
