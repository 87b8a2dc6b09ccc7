import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { ILanguageRuntimeServer } from "@pulumi/pulumi/proto/language_grpc_pb.js";
import languageGrpc from "@pulumi/pulumi/proto/language_grpc_pb.js";
import language from "@pulumi/pulumi/proto/language_pb.js";
import pluginProto from "@pulumi/pulumi/proto/plugin_pb.js";
import { notOffered } from "./plugin-error.ts";
import type { PropertyMap } from "./property-values.ts";
import { readProperties } from "./property-values.ts";
import { Empty } from "./protobuf.ts";
import { findProviderPackages } from "./provider-packages.ts";
import { engineAddress, servePlugin } from "./serve-plugin.ts";
import { pulumiVersion } from "./versions.ts";

/** @pulumi/pulumi/cmd/run: the program failed and has already told the user why. */
const bailExitCode = 32;

let engine = engineAddress();
const programs = new Set<ChildProcess>();

servePlugin<ILanguageRuntimeServer>({
  name: "language host nodejs",
  service: languageGrpc.LanguageRuntimeService,
  methods: {
    handshake: (request) => {
      engine = request.getEngineAddress() || engine;
      return new language.LanguageHandshakeResponse();
    },
    getPluginInfo: () => {
      const response = new pluginProto.PluginInfo();
      response.setVersion(pulumiVersion);
      return response;
    },
    getRequiredPackages: (request) => {
      const response = new language.GetRequiredPackagesResponse();
      response.setPackagesList(findProviderPackages(programInfo(request).getProgramDirectory()));
      return response;
    },
    run,
    about: () => {
      const response = new language.AboutResponse();
      response.setExecutable(process.execPath);
      response.setVersion(process.version);
      return response;
    },
    runtimeOptionsPrompts: () => new language.RuntimeOptionsResponse(),
    getProgramDependencies: () => new language.GetProgramDependenciesResponse(),
    cancel: () => {
      signalPrograms("SIGINT");
      return new Empty();
    },
  },
  // Dependencies are npm's business here, and installed before Pulumi starts.
  streams: { installDependencies: (call) => void call.end() },
  stop: () => {
    signalPrograms("SIGKILL");
  },
});

function signalPrograms(signal: NodeJS.Signals): void {
  for (const program of programs) program.kill(signal);
}

function programInfo(request: { getInfo(): language.ProgramInfo | undefined }): language.ProgramInfo {
  const info = request.getInfo();
  if (info === undefined)
    throw new Error("the engine sent no program info: it is older than the offline plugins support");
  return info;
}

function run(request: language.RunRequest): Promise<language.RunResponse> {
  const info = programInfo(request);
  const directory = info.getProgramDirectory();
  const options = readProperties(info.getOptions());
  refuseUnknownOptions(options);
  const runner = createRequire(join(directory, "program.js")).resolve("@pulumi/pulumi/cmd/run/index.js");
  const flags = {
    monitor: request.getMonitorAddress(),
    engine,
    organization: request.getOrganization(),
    project: request.getProject(),
    "root-directory": info.getRootDirectory(),
    stack: request.getStack(),
    pwd: directory,
    parallel: String(request.getParallel()),
  };
  return runProgram(directory, request, [
    ...(typeof options.nodeargs === "string" ? options.nodeargs : "")
      .split(/\s+/)
      .filter((argument) => argument !== ""),
    runner,
    ...Object.entries(flags).flatMap(([name, value]) => (value === "" ? [] : [`--${name}`, value])),
    ...(request.getDryrun() ? ["--dry-run"] : []),
    info.getEntryPoint() || ".",
    ...request.getArgsList(),
  ]);
}

/** Options of `runtime:` in Pulumi.yaml. Node runs TypeScript as it is, so the real host's compiler is never wanted. */
function refuseUnknownOptions(options: PropertyMap): void {
  const known = new Set(["typescript", "nodeargs", "packagemanager"]);
  const unknown = Object.keys(options).filter((name) => !known.has(name));
  if (unknown.length > 0) throw notOffered(`runtime option ${unknown.join(", ")}`);
  if (options.typescript !== false) throw notOffered("runtime option typescript other than false");
}

function runProgram(directory: string, request: language.RunRequest, argv: string[]): Promise<language.RunResponse> {
  const response = new language.RunResponse();
  return new Promise((resolve) => {
    const program = spawn(process.execPath, argv, {
      cwd: directory,
      env: { ...process.env, ...configEnvironment(request) },
      // The engine shows what this process writes, so what the program prints needs no relay.
      stdio: ["ignore", "inherit", "inherit"],
    });
    programs.add(program);
    program.on("error", (error) => {
      response.setError(`could not start the program: ${error.message}`);
      resolve(response);
    });
    program.on("close", (code, signal) => {
      programs.delete(program);
      if (code === bailExitCode) response.setBail(true);
      else if (signal !== null) response.setError(`Program was ended by ${signal}`);
      else if (code !== 0) response.setError(`Program exited with non-zero exit code: ${code}`);
      resolve(response);
    });
  });
}

/** Stack configuration travels in the environment: not in argv, which every user of the machine can read. */
function configEnvironment(request: language.RunRequest): Record<string, string> {
  // The SDK still reads the old form of a key, namespace:config:name.
  const config = request
    .getConfigMap()
    .toArray()
    .map(([key, value]: [string, string]) => [key.replace(/^([^:]+):(?!config:)/, "$1:config:"), value]);
  return {
    PULUMI_CONFIG: JSON.stringify(Object.fromEntries(config)),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
  };
}
