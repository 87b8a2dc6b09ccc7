import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { root } from "../stacks/root.ts";
import { debianPrograms, haproxyPackages } from "../twin/debian-programs.ts";
import { provideK3s } from "../twin/k3s-release.ts";
import { checkRequirements, installDebianPackages } from "../twin/requirements.ts";
import { provideChromium } from "./lib/chromium.ts";
import { runMain } from "./lib/main.ts";
import { Steps } from "./lib/steps.ts";
import { provideTwinParts } from "./lib/twin-parts.ts";

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** What tests with processes use besides the twin's packages. None of these starts a daemon. */
const testPackages = ["xz-utils", "zstd", "fdisk", "nftables", "logrotate"];

/**
 * Programs that tests run, unpacked and not installed: servers among them would start on this machine. Each with the libraries that
 * only it needs.
 */
const unpacked: readonly (readonly [program: string, ...libraries: string[]])[] = [
  ["shellcheck"],
  haproxyPackages,
  ["nginx"],
];

// npm test: unit tests, tests with processes, then the live suite where a twin can run. Ends with "N passed, N failed, N skipped".
await runMain(async ({ signal }) => {
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const add = ({ passed, failed, skipped }: Counts) => {
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  };
  add(await runAva("ava.config.js", signal));
  await provideTestPrograms();
  add(await runAva("ava.process.config.js", signal));
  add(await runLive(signal));
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return total.failed === 0 ? 0 : 1;
});

/** Brings the programs of the tests with processes, where a twin can run. Elsewhere those whose programs are missing are skipped, and say so. */
async function provideTestPrograms(): Promise<void> {
  if ((await checkRequirements()).length === 0) {
    await new Steps().run("programs for tests", (report) => installDebianPackages(report, testPackages));
  }
  await provideUnpacked();
  await provideBrowser();
}

/** Puts what is missing of these on PATH, after all else. Where that is impossible, the tests are skipped and say so. */
async function provideUnpacked(): Promise<void> {
  for (const packages of unpacked) {
    const [program] = packages;
    if (isThere(program)) continue;
    await orWithout(program, async () => {
      const files = join(await debianPrograms(packages, console.log), "usr");
      const lib = join(files, "lib");
      const libraries = (existsSync(lib) ? readdirSync(lib) : [])
        .filter((name) => name.endsWith("-linux-gnu"))
        .map((name) => join(lib, name));
      process.env.PATH = [process.env.PATH, join(files, "bin"), join(files, "sbin")].join(delimiter);
      process.env.LD_LIBRARY_PATH = [process.env.LD_LIBRARY_PATH, ...libraries].filter(Boolean).join(delimiter);
    });
  }
}

/** Puts Debian's Chromium on PATH, in which reports are looked at. */
async function provideBrowser(): Promise<void> {
  if (isThere("chromium")) return;
  await orWithout("chromium", async () => {
    process.env.PATH = [process.env.PATH, await provideChromium(console.log)].join(delimiter);
  });
}

function isThere(program: string): boolean {
  return spawnSync(program, ["--version"]).error === undefined;
}

async function orWithout(program: string, provide: () => Promise<void>): Promise<void> {
  try {
    await provide();
  } catch (error) {
    console.log(`no ${program}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function runLive(signal: AbortSignal): Promise<Counts> {
  const problems = await checkRequirements();
  if (problems.length === 0) {
    // Built before the tests begin, so that a first run's builds are seen, and take no test's time.
    const steps = new Steps();
    await provideTwinParts(steps);
    await steps.run("K3s to upgrade to", (report) => provideK3s(report, "1.35"));
    const launcher = await runLauncherTests(signal);
    const live = await runAva("ava.live.config.js", signal);
    return {
      passed: launcher.passed + live.passed,
      failed: launcher.failed + live.failed,
      skipped: launcher.skipped + live.skipped,
    };
  }
  for (const { what, next } of problems) console.log(`live suite skipped: ${what} (next: ${next})`);
  return { passed: 0, failed: 0, skipped: countLiveTests() };
}

/** The unit tests of twin/k3s, with the flags that it was built with: they share the build's cache. */
async function runLauncherTests(signal: AbortSignal): Promise<Counts> {
  const flags = ["-trimpath", "-vet=off", "-ldflags", "-s -w", "-v"];
  const environment = { ...process.env, GOTOOLCHAIN: "local", GOFLAGS: "-mod=readonly", CGO_ENABLED: "0" };
  const { code, output } = await runPrinting("go", ["test", ...flags, "."], {
    cwd: join(root, "twin", "k3s"),
    env: environment,
    signal,
  });
  const count = (verdict: string) => output.match(new RegExp(`^--- ${verdict}:`, "gm"))?.length ?? 0;
  const counts = { passed: count("PASS"), failed: count("FAIL"), skipped: count("SKIP") };
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

function countLiveTests(): number {
  const directory = join(root, "test", "live");
  return readdirSync(directory)
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => readFileSync(join(directory, name), "utf8").match(/^test(\.serial)?\(/gm)?.length ?? 0)
    .reduce((sum, count) => sum + count, 0);
}

/** Runs AVA, passes on what it prints, and reads the counts of its summary. A run without a summary is one failure. */
async function runAva(config: string, signal: AbortSignal): Promise<Counts> {
  const { code, output } = await runPrinting(join(root, "node_modules", ".bin", "ava"), ["--config", config], {
    cwd: root,
    signal,
  });
  const count = (what: string) => Number(new RegExp(`^\\s*(\\d+) ${what}`, "m").exec(summaryOf(output))?.[1] ?? 0);
  const counts = {
    passed: count("tests? passed"),
    failed:
      count("tests? failed") + count("uncaught exceptions?") + count("unhandled rejections?") + count("test files?"),
    skipped: count("tests? skipped"),
  };
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

/** Runs a program, passes on what it prints, and returns that with its exit code. */
async function runPrinting(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly signal: AbortSignal; readonly env?: NodeJS.ProcessEnv },
): Promise<{ code: number; output: string }> {
  const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "inherit"], killSignal: "SIGINT" });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    process.stdout.write(text);
    output += text;
  });
  const code = await new Promise<number>((resolve, reject) => {
    child.on("error", reject).on("close", (status) => {
      resolve(status ?? 1);
    });
  });
  return { code, output };
}

/** AVA's summary follows its last rule. */
function summaryOf(output: string): string {
  return output.slice(output.lastIndexOf("─"));
}
