import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { applyProgram } from "../../../stacks/remote/apply-phase.ts";
import { textBlock, textFile, type ManagedFile } from "../../../stacks/remote/phase.ts";
import { onThisMachine } from "./example-phase.ts";
import { runHere } from "./run-python.ts";

const report = z.strictObject({ cuts: z.record(z.string(), z.int()), failures: z.array(z.unknown()) });

onThisMachine("cut off before any of its changes, apply and remove end right the next time", async (t) => {
  t.timeout(300_000);
  // Thousands of small writes: in memory where that can be had.
  const directory = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "bramble-power-cut-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  const { username } = userInfo();
  const owner = `${username}:${username}`;
  const at = (name: string) => join(directory, "disk", name);
  const file = (name: string, content: string) => textFile(at(name), content, { mode: "0640", owner });
  const load = { title: "loaded a", run: ["load", "a"], after: [at("a")], limit: 5 };
  const k3s = { name: "k3s.service", enabled: true, active: true, after: [at("made/deep/c")] };
  const afterRemoval = [{ title: "unloaded a", run: ["unload", "a"], limit: 5 }];
  const phase = (files: ManagedFile[], more: object) => ({
    phase: "trial",
    files,
    steps: [load],
    afterRemoval,
    ...more,
  });
  const first = phase(
    [file("a", "1"), file("link", "1"), file("same", "one"), file("made/deep/c", "1"), textBlock(at("hosts"), "1\n")],
    {
      directories: ["directory", "made/empty"].map((name) => ({ path: at(name), mode: "0750", owner })),
      units: [{ name: "on.timer", enabled: false, active: false, masked: true }, k3s],
      packages: [
        { name: "nftables", state: "installed" },
        { name: "there", state: "absent" },
      ],
      labels: { node: "pi-2", labels: { disk: "nvme", fan: "yes" } },
    },
  );
  const second = phase(
    [file("a", "2"), file("same", "two"), file("made/deep/c", "2"), file("made/d", "2"), textBlock(at("hosts"), "2\n")],
    { directories: [], units: [k3s], packages: [], labels: { node: "pi-2", labels: { disk: "sd" } } },
  );
  const program = [...applyProgram, "../test/stacks/remote/power-cuts.py"];
  const { cuts, failures } = report.parse(await runHere(program, { directory, owner, phases: [first, second] }));
  t.deepEqual(failures.slice(0, 5), []);
  t.log(cuts);
  for (const [name, places] of Object.entries(cuts)) t.true(places > 40 && places < 500, `${name}: ${places} places`);
});
