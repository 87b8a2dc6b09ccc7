import { spawnSync } from "node:child_process";
import test, { type ExecutionContext } from "ava";
import { dataDiskMountPhase, dataDiskPhase } from "../../../stacks/nodes/data-disk-phase.ts";
import { preparationPhase } from "../../../stacks/nodes/preparation-phase.ts";
import type { Phase, Step } from "../../../stacks/remote/phase.ts";
import { exampleNode, exampleSite } from "../keys/example.ts";
import { testWithTools } from "../../with-tools.ts";

/** All shell text that runs on a node with everything asked for: scripts, and what steps give to `sh -c`. */
function shellTexts(): string[] {
  const site = exampleSite();
  site.firmware = { pcieGeneration: 3 };
  const device = "/dev/disk/by-id/usb-Samsung_T7-0:0";
  site.nodes["pi-1"] = exampleNode({ role: "server", address: "192.168.7.11", dataDisk: { device } });
  const disk = dataDiskPhase(site, "pi-1");
  const phases: Phase[] = [preparationPhase(site, "pi-1"), dataDiskMountPhase("pi-1"), ...(disk ? [disk] : [])];
  const scripts = phases
    .flatMap(({ files }) => files)
    .flatMap((file) => ("content" in file && file.content.startsWith("#!/bin/sh\n") ? [file.content] : []));
  const inline = phases
    .flatMap(({ steps, removal, afterRemoval }): Step[] => [...steps, ...removal, ...(afterRemoval ?? [])])
    .flatMap(({ run, check }) => [run, check ?? []])
    .flatMap(([program, option, text]) => (program === "sh" && option === "-c" && text !== undefined ? [text] : []));
  return [...scripts, ...inline.map((text) => `#!/bin/sh\n${text}\n`)];
}

const check = (t: ExecutionContext, command: string, ...args: string[]) => {
  for (const input of shellTexts()) {
    const { status, stdout, stderr } = spawnSync(command, args, { input, encoding: "utf8" });
    t.is(status, 0, `${input.slice(0, 200)}\n${stdout}${stderr}`);
  }
};

test("there is shell to look at", (t) => {
  t.true(shellTexts().length > 8);
});

testWithTools(["sh"], "all that runs on a node is shell that a POSIX shell can read", (t) => {
  check(t, "sh", "-n");
});

testWithTools(["shellcheck"], "shellcheck finds nothing in what runs on a node", (t) => {
  check(t, "shellcheck", "--shell=sh", "-");
});
