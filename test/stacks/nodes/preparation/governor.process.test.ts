import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { governor } from "../../../../stacks/nodes/preparation/governor.ts";
import { plant } from "../board.ts";

const cpu = (number: number) => `/sys/devices/system/cpu/cpu${number}/cpufreq/scaling_governor`;

/** The script on a machine below a directory. */
function scriptOn(t: ExecutionContext, cpus: readonly number[]) {
  const root = plant(t, {
    ...Object.fromEntries(cpus.map((number) => [cpu(number), "ondemand\n"])),
    "/run/keep": "",
    "/sys/devices/system/cpu/cpufreq/boost": "1\n",
  });
  const [script] = governor().files ?? [];
  if (script === undefined || !("content" in script)) throw new Error("no script");
  const file = join(root, "governor");
  writeFileSync(file, script.content.replaceAll("/sys/", `${root}/sys/`).replaceAll("/run/", `${root}/run/`));
  return {
    root,
    run: (verb: string) => spawnSync("sh", [file, verb]).status,
    governors: () => cpus.map((number) => readFileSync(join(root, cpu(number)), "utf8").trim()),
  };
}

test("all processors get it, again after a hand edit, and lose it again", (t) => {
  const { root, run, governors } = scriptOn(t, [0, 1, 10]);
  t.not(run("check"), 0);
  t.is(run("set"), 0);
  t.deepEqual(governors(), ["performance", "performance", "performance"]);
  t.is(run("check"), 0);
  writeFileSync(join(root, cpu(10)), "powersave\n");
  t.not(run("check"), 0);
  t.is(run("set"), 0);
  t.is(run("check"), 0);
  t.is(run("restore"), 0);
  t.deepEqual(governors(), ["ondemand", "ondemand", "ondemand"]);
  t.is(run("restore"), 0, "again");
});

test("where no frequency can be governed, all is well", (t) => {
  const { root, run } = scriptOn(t, []);
  t.is(run("check"), 0);
  t.is(run("restore"), 0);
  t.false(existsSync(join(root, "run/bramble/governor")));
});
