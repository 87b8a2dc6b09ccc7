import { execFile, spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import test from "ava";
import { resultsLayout } from "../../scripts/lib/results/layout.ts";
import { openSealedRun } from "../../scripts/lib/results/sealed-run.ts";
import { summarize } from "../../scripts/lib/results/summary.ts";
import { pulumiCli } from "../../scripts/lib/toolchain.ts";
import { root } from "../../stacks/root.ts";
import { installOfflinePlugins } from "../../twin/plugins/install.ts";
import { runnerFiles } from "../../workloads/benchmark/runner-files.ts";
import { sealSynthetic, syntheticPlan } from "../scripts/lib/results/synthetic-run.ts";
import { exampleRootSecret } from "../stacks/keys/example.ts";

// The package as somebody else gets it: packed, and installed into a program of theirs, which the real engine previews. Its boards do
// not answer: addresses of 192.0.2.0/24 are nobody's (RFC 5737).

interface Preview {
  readonly steps: readonly Step[];
  /** How many resources are made, kept as they are, and so on. */
  readonly changeSummary: Readonly<Partial<Record<string, number>>>;
}

interface Step {
  readonly urn: string;
  readonly newState: {
    readonly type: string;
    readonly custom?: boolean;
    readonly inputs?: Record<string, unknown>;
    readonly outputs?: Record<string, unknown>;
    readonly provider?: string;
    readonly protect?: boolean;
  };
}

/** Type of the program's site, with the types around it. */
const site = "farm:index:Farm$bramble:site:Site";
/** What a preview has in the place of an id that nobody knows yet (sdk/go/common/resource/plugin/rpc.go). */
const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const execute = promisify(execFile);
const directory = await mkdtemp(join(tmpdir(), "bramble-second-program-"));
const project = join(directory, "farm");
const env = {
  PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
  HOME: directory,
  PULUMI_HOME: join(directory, "home"),
  PULUMI_BACKEND_URL: `file://${join(directory, "state")}`,
  PULUMI_CONFIG_PASSPHRASE: "passphrase",
  PULUMI_SKIP_UPDATE_CHECK: "true",
  PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
  PULUMI_IGNORE_AMBIENT_PLUGINS: "true",
};

async function pulumi(...argv: string[]): Promise<string> {
  const options = { cwd: project, env, maxBuffer: 2 ** 26 };
  return (await execute(await pulumiCli(), [...argv, "--non-interactive"], options)).stdout;
}

async function preview(): Promise<Preview> {
  return JSON.parse(await pulumi("preview", "--json")) as Preview;
}

/** Runs a program of the package as Pulumi's plugin does. */
async function runProgram(command: string, input: unknown): Promise<{ stdout: string; stderr: string }> {
  const child = spawn("sh", ["-c", command], { cwd: project, env });
  child.stdin.end(JSON.stringify(input));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { stdout, stderr };
}

let first: Preview;
let runId: string;

test.before("the package is built, packed and installed, and the program is previewed", async (t) => {
  t.timeout(300_000, "npm install takes most of it");
  await cp(join(root, "test", "package", "program"), project, { recursive: true });
  await execute(process.execPath, [join(root, "scripts", "build.ts")]);
  const packed = await execute("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", project], {
    cwd: root,
  });
  const [{ filename } = { filename: "" }] = JSON.parse(packed.stdout) as { filename: string }[];
  await rename(join(project, filename), join(project, "bramble.tgz"));
  // Its packages are of the versions that this checkout has, so that npm has them already.
  await execute("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"], {
    cwd: project,
  });

  runId = await sealSynthetic(resultsLayout(join(project, "results")), "threads-1", syntheticPlan());
  await mkdir(join(directory, "state"));
  await installOfflinePlugins(join(directory, "home"));
  await pulumi("stack", "init", "barn");
  await pulumi("config", "set", "--secret", "bramble:rootSecret", exampleRootSecret);
  first = await preview();
});

test.after.always(async () => {
  // What is sealed is read-only.
  await execute("chmod", ["-R", "u+w", directory]);
  await rm(directory, { recursive: true });
});

const below = (type: string) => first.steps.filter(({ urn }) => urn.split("::")[2]?.startsWith(type));
const kinds = (type: string) => first.steps.filter(({ newState }) => newState.type.startsWith(type));
const commands = () =>
  kinds("command:local:Command").filter(({ newState }) => String(newState.inputs?.create).includes("bramble"));

test.serial("a strict TypeScript program can use what the package declares", async (t) => {
  await t.notThrowsAsync(
    execute(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-p", project]),
  );
});

test.serial("its options reach every part of the site", (t) => {
  t.deepEqual(first.changeSummary, { create: first.steps.length });
  const parts = below(site);
  t.true(parts.length > 40, String(parts.length));
  for (const { urn, newState } of parts) t.true(newState.protect, urn);
  t.true(commands().length > 15);
  for (const { urn, newState } of commands()) t.regex(newState.provider ?? "", /::here::/, urn);
});

test.serial("its transform sees every object in the cluster, the experiment's too", (t) => {
  const objects = kinds("kubernetes:");
  t.true(objects.length > 12, String(objects.length));
  t.true(objects.some(({ newState }) => newState.type === "kubernetes:batch/v1:Job"));
  for (const { newState, urn } of objects) {
    const { labels } = newState.inputs?.metadata as { labels?: Record<string, string> };
    t.is(labels?.owner, "farm", urn);
  }
});

test.serial("a pod gets the same program as from a checkout, so that a plan has the same run-id", (t) => {
  const { inputs } =
    kinds("kubernetes:core/v1:ConfigMap").find(({ urn }) => urn.endsWith("::benchmark"))?.newState ?? {};
  const { "plan.json": plan, ...files } = inputs?.data as Record<string, string>;
  t.deepEqual(files, { ...runnerFiles().files });
  t.is((JSON.parse(plan ?? "") as { runner: string }).runner, runnerFiles().digest);
});

test.serial("Pulumi finds the programs that it has to run, now and when it destroys", async (t) => {
  const all = commands().flatMap(({ newState }) => [newState.inputs?.create, newState.inputs?.delete ?? []].flat());
  const programs = new Set(all.map((command) => /^node (\S+)/.exec(String(command))?.[0] ?? ""));
  t.true(programs.size > 6, [...programs].join());
  for (const program of programs) {
    t.regex(program, /^node node_modules\/bramble\/dist\/stacks\/[a-z0-9/-]+\.js$/);
    // Each begins with a look at its input.
    t.regex((await runProgram(program, {})).stderr, /ZodError/, program);
  }
});

test.serial("results are read without Pulumi too", async (t) => {
  const reader = `
    import { openSealedRun, resultsLayout, summarize } from "bramble/results";
    console.log(JSON.stringify(summarize(await openSealedRun(resultsLayout("results"), "threads-1"))));
  `;
  const { stdout } = await execute(process.execPath, ["--input-type=module", "--eval", reader], { cwd: project });
  const run = await openSealedRun(resultsLayout(join(project, "results")), "threads-1");
  t.deepEqual(JSON.parse(stdout), JSON.parse(JSON.stringify(summarize(run))));
});

test.serial("a guard knows what was collected into the project", async (t) => {
  const guard = commands().find(({ urn }) => urn.endsWith("::threads-4-guard"))?.newState.inputs?.delete;
  const { stdout, stderr } = await runProgram(String(guard), { kind: "experiment", stack: "threads-1", runId });
  t.deepEqual([stdout, stderr], [`threads-1: run ${runId} was collected\n`, ""]);
});

test.serial("a site that becomes part of a farm stays as it is, with all of its parts", async (t) => {
  t.timeout(120_000, "a few runs of the engine");
  const exported = JSON.parse(await pulumi("stack", "export")) as { deployment: object };
  const resources = stateBefore(first.steps);
  const file = join(directory, "earlier.json");
  await writeFile(file, JSON.stringify({ ...exported, deployment: { ...exported.deployment, resources } }));
  await pulumi("stack", "import", "--file", file);
  const { same = 0, update = 0, ...others } = (await preview()).changeSummary;
  t.deepEqual({ kept: same + update, others }, { kept: first.steps.length, others: {} });
});

/** The resources that a preview shows, as a state has them, before the site was part of a farm. */
function stateBefore(steps: readonly Step[]): object[] {
  const stack = steps.find(({ newState }) => newState.type === "pulumi:pulumi:Stack")?.urn ?? "";
  const resources = steps.map(({ newState }) => ({
    ...newState,
    ...(newState.type === "bramble:site:Site" ? { parent: stack } : {}),
    ...(newState.custom === true ? { id: "known", outputs: newState.inputs } : {}),
  }));
  const renamed = JSON.stringify(resources).replaceAll(unknown, "known").replaceAll(site, "bramble:site:Site");
  return JSON.parse(renamed) as object[];
}
