import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { powerMeter } from "../../../../stacks/nodes/preparation/power-meter.ts";
import { root } from "../../../../stacks/root.ts";
import { parseReading, parseThrottled, parseWatts } from "../../../../workloads/probe/sample.ts";
import { plant } from "../board.ts";

const rails = readFileSync(join(root, "test/fixtures/sys/pmic-read-adc.txt"), "utf8");

/** The script as it lies on a node, with a vcgencmd that answers with a file for each question and fails without one. */
function meterOn(t: ExecutionContext, answers: Readonly<Record<string, string>>) {
  const [script] = powerMeter().files ?? [];
  if (script === undefined || !("content" in script)) throw new Error("no script");
  const files = Object.fromEntries(Object.entries(answers).map(([question, text]) => [`answers/${question}`, text]));
  const directory = plant(t, files, {
    script: script.content,
    "bin/vcgencmd": { exec: 'cat "$ANSWERS/$1" 2>/dev/null' },
  });
  const output = join(directory, "run", "meter");
  const child = spawn("python3", [join(directory, "script"), output], {
    env: {
      ...process.env,
      PATH: `${join(directory, "bin")}${delimiter}${process.env.PATH ?? ""}`,
      ANSWERS: join(directory, "answers"),
    },
    stdio: "ignore",
  });
  const ended = once(child, "close");
  t.teardown(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const reading = (name: string) => {
    const path = join(output, name);
    return parseReading(existsSync(path) ? readFileSync(path, "utf8") : null, Date.now());
  };
  return {
    output,
    /** The first reading that is wanted, as the probe would take it. */
    until: async (name: string, wanted: (value: string) => boolean = () => true): Promise<string> => {
      for (;;) {
        const value = reading(name);
        if (value !== null && wanted(value)) return value;
        if (child.exitCode !== null) throw new Error(`the meter ended with ${child.exitCode}`);
        await sleep(50);
      }
    },
    answer: (question: string, text: string) => {
      writeFileSync(join(directory, "answers", question), text);
    },
  };
}

test("the rails of a Pi 5 add up to its power, and change as they do", async (t) => {
  const { until, output, answer } = meterOn(t, { pmic_read_adc: rails, get_throttled: "throttled=0x50005\n" });
  // Volts times amperes of the twelve rails, added up apart: 10.79989.
  t.is(parseWatts(await until("power")), 12.955);
  t.is(parseThrottled(await until("throttled")), 0x50005);
  answer("pmic_read_adc", "VDD_CORE_A current(7)=2.00000000A\nVDD_CORE_V volt(15)=1.00000000V\n");
  t.is(await until("power", (value) => value !== "12.955"), "2.878");
  t.deepEqual(
    readdirSync(output)
      .filter((name) => !name.endsWith(".new"))
      .sort(),
    ["power", "throttled"],
  );
});

test("a board without a power controller tells of throttling only", async (t) => {
  // What firmware says to a command that it does not know.
  const { until, output } = meterOn(t, {
    pmic_read_adc: 'error=1 error_msg="Command not registered"\n',
    get_throttled: "throttled=0x0\n",
  });
  await until("throttled");
  t.deepEqual(
    readdirSync(output).filter((name) => !name.endsWith(".new")),
    ["throttled"],
  );
});

test("firmware that does not answer is asked again", async (t) => {
  const { until, answer, output } = meterOn(t, { get_throttled: "throttled=0x0\n" });
  await until("throttled");
  t.false(existsSync(join(output, "power")));
  answer("pmic_read_adc", rails);
  t.is(await until("power"), "12.955");
});

test("the script is Python that the oldest of the nodes' systems reads", (t) => {
  const [script] = powerMeter().files ?? [];
  if (script === undefined || !("content" in script)) throw new Error("no script");
  t.regex(script.content, /^#!\/usr\/bin\/python3\n# Kept by Bramble/);
  const check = "import ast, sys; ast.parse(sys.stdin.read(), feature_version=(3, 9))";
  t.is(spawnSync("python3", ["-c", check], { input: script.content }).status, 0);
});
