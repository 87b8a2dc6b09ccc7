import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as grpc from "@grpc/grpc-js";
import languageGrpc from "@pulumi/pulumi/proto/language_grpc_pb.js";
import language from "@pulumi/pulumi/proto/language_pb.js";
import test from "ava";
import type { PropertyMap } from "../../../twin/plugins/property-values.ts";
import { writeProperties } from "../../../twin/plugins/property-values.ts";
import { Empty } from "../../../twin/plugins/protobuf.ts";
import type { RunningPlugin } from "./plugin-client.ts";
import { call, startPlugin } from "./plugin-client.ts";

// The program's SDK is a fake that writes down how it was started; its own tests are Pulumi's business.
const fakeRunner = `
  const { writeFileSync } = require("node:fs");
  const program = process.argv[process.argv.indexOf("--parallel") + 2];
  const { PULUMI_CONFIG, PULUMI_CONFIG_SECRET_KEYS } = process.env;
  writeFileSync("started.json", JSON.stringify({ argv: process.argv.slice(2), PULUMI_CONFIG, PULUMI_CONFIG_SECRET_KEYS, pid: process.pid }));
  if (process.argv.includes("wait")) setInterval(() => undefined, 1000);
  else process.exitCode = Number(process.argv.at(-1));
`;

let directory: string;
let plugin: RunningPlugin;
let client: languageGrpc.LanguageRuntimeClient;

test.before(async () => {
  directory = await mkdtemp(join(tmpdir(), "language-host-"));
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  };
  await write("node_modules/@pulumi/pulumi/package.json", JSON.stringify({ name: "@pulumi/pulumi", version: "3.0.0" }));
  await write("node_modules/@pulumi/pulumi/cmd/run/index.js", fakeRunner);
  const manifest = { name: "@pulumi/command", version: "1.2.1", pulumi: { resource: true, name: "command" } };
  await write("node_modules/@pulumi/command/package.json", JSON.stringify(manifest));
  await write(
    "node_modules/thing/package.json",
    JSON.stringify({ name: "thing", version: "2.0.0", pulumi: { resource: true, version: "2.0.1" } }),
  );
  await write("node_modules/.bin/tool", "");
  for (const name of ["zero", "wait"]) await mkdir(join(directory, name));
  plugin = await startPlugin("language-host.ts");
  client = new languageGrpc.LanguageRuntimeClient(plugin.address, grpc.credentials.createInsecure());
});

test.after.always(async () => {
  client.close();
  await plugin.stop();
  await rm(directory, { recursive: true, force: true });
});

function programInfo(program: string, options: PropertyMap): language.ProgramInfo {
  const info = new language.ProgramInfo();
  info.setRootDirectory(directory);
  info.setProgramDirectory(join(directory, program));
  info.setEntryPoint("main.ts");
  info.setOptions(writeProperties(options));
  return info;
}

function run(
  program: string,
  args: string[],
  options: PropertyMap = { typescript: false },
): Promise<language.RunResponse> {
  const request = new language.RunRequest();
  request.setInfo(programInfo(program, options));
  request.setProject("bramble");
  request.setStack("dev");
  request.setMonitorAddress("127.0.0.1:1");
  request.setDryrun(true);
  request.setParallel(4);
  request.getConfigMap().set("bramble:token", "s3cret").set("bramble:config:old", "form");
  request.setConfigsecretkeysList(["bramble:token"]);
  request.setArgsList(args);
  return call<language.RunResponse>((reply) => client.run(request, reply));
}

async function started(program: string) {
  const file = join(directory, program, "started.json");
  while (!existsSync(file) || (await readFile(file, "utf8")) === "") await sleep(20);
  return JSON.parse(await readFile(file, "utf8")) as Record<"PULUMI_CONFIG" | "PULUMI_CONFIG_SECRET_KEYS", string> & {
    argv: string[];
    pid: number;
  };
}

test("the program is run with the engine's addresses in argv and the configuration in the environment", async (t) => {
  const response = await run("zero", ["0"], { typescript: false, packagemanager: "npm", nodeargs: "--no-warnings" });
  t.is(response.getError(), "");
  t.false(response.getBail());
  const { argv, PULUMI_CONFIG, PULUMI_CONFIG_SECRET_KEYS } = await started("zero");
  const flag = (name: string) => argv[argv.indexOf(name) + 1];
  t.is(flag("--monitor"), "127.0.0.1:1");
  t.regex(flag("--engine") ?? "", /^127\.0\.0\.1:\d+$/);
  t.is(flag("--stack"), "dev");
  t.is(flag("--pwd"), join(directory, "zero"));
  t.is(flag("--parallel"), "4");
  t.deepEqual(argv.slice(-3), ["--dry-run", "main.ts", "0"]);
  t.notRegex(argv.join(" "), /s3cret/);
  t.deepEqual(JSON.parse(PULUMI_CONFIG), { "bramble:config:token": "s3cret", "bramble:config:old": "form" });
  t.deepEqual(JSON.parse(PULUMI_CONFIG_SECRET_KEYS), ["bramble:token"]);
});

test("a program that failed after telling why bails; any other failure is an error", async (t) => {
  t.true((await run("", ["32"])).getBail());
  const failed = await run("", ["7"]);
  t.false(failed.getBail());
  t.is(failed.getError(), "Program exited with non-zero exit code: 7");
});

test("options that it would have to ignore are refused", async (t) => {
  await t.throwsAsync(run("", ["0"], {}), { message: /typescript other than false is not offered/ });
  await t.throwsAsync(run("", ["0"], { typescript: false, tsconfig: "x" }), {
    message: /runtime option tsconfig is not offered/,
  });
});

test("cancel ends the program", async (t) => {
  const own = await startPlugin("language-host.ts");
  const ownClient = new languageGrpc.LanguageRuntimeClient(own.address, grpc.credentials.createInsecure());
  const request = new language.RunRequest();
  request.setInfo(programInfo("wait", { typescript: false }));
  request.setArgsList(["wait"]);
  const response = call<language.RunResponse>((reply) => ownClient.run(request, reply));
  await started("wait");
  await call((reply) => ownClient.cancel(new Empty(), reply));
  t.is((await response).getError(), "Program was ended by SIGINT");
  ownClient.close();
  await own.stop();
});

test("the providers that the installed packages need are named with their versions", async (t) => {
  const request = new language.GetRequiredPackagesRequest();
  request.setInfo(programInfo("zero", {}));
  const packages = (
    await call<language.GetRequiredPackagesResponse>((reply) => client.getRequiredPackages(request, reply))
  ).getPackagesList();
  t.deepEqual(
    packages.map((found) => [found.getKind(), found.getName(), found.getVersion()]),
    [
      ["resource", "command", "1.2.1"],
      ["resource", "thing", "2.0.1"],
    ],
  );
});

test("installing dependencies has nothing to do, and what is not offered fails with its name", async (t) => {
  const stream = client.installDependencies(new language.InstallDependenciesRequest());
  await new Promise((resolve, reject) => stream.on("data", reject).on("error", reject).on("end", resolve));
  await t.throwsAsync(
    call((reply) => client.generateProgram(new language.GenerateProgramRequest(), reply)),
    {
      message: /language host nodejs: generateProgram is not offered/,
    },
  );
  const plugins = client.runPlugin(new language.RunPluginRequest());
  const error = await new Promise<Error>((resolve) => plugins.on("error", resolve));
  t.regex(error.message, /runPlugin is not offered/);
});
