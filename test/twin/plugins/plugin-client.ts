import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import * as grpc from "@grpc/grpc-js";
import type { IEngineServer } from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import type { LogRequest } from "@pulumi/pulumi/proto/engine_pb.js";
import { root } from "../../../stacks/root.ts";
import { Empty } from "../../../twin/plugins/protobuf.ts";

export interface RunningPlugin {
  process: ChildProcess;
  address: string;
  /** What the plugin told the engine, in order. */
  logs: { urn: string; message: string; ephemeral: boolean }[];
  stop: () => Promise<void>;
}

/**
 * Starts a plugin as the engine does: as a process of its own, with an engine's address, its port read from stdout.
 * Under a shell, the process is that shell: ended, it leaves the plugin an orphan.
 */
export async function startPlugin(program: string, { underShell = false } = {}): Promise<RunningPlugin> {
  const logs: RunningPlugin["logs"] = [];
  const engine = new grpc.Server();
  const log: IEngineServer["log"] = (call, reply) => {
    logs.push(readLog(call.request));
    reply(null, new Empty());
  };
  engine.addService(engineGrpc.EngineService, { log });
  const port = await new Promise<number>((resolve, reject) => {
    engine.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  const command = [process.execPath, join(root, "twin/plugins", program), `127.0.0.1:${port}`];
  const shell = ["/bin/sh", "-c", '"$@" & wait', "sh"];
  const [file, ...argv] = underShell ? [...shell, ...command] : command;
  const child = spawn(file ?? "", argv, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return {
    process: child,
    address: `127.0.0.1:${line}`,
    logs,
    stop: async () => {
      engine.forceShutdown();
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGINT");
      await once(child, "exit");
    },
  };
}

function readLog(request: LogRequest): RunningPlugin["logs"][number] {
  return { urn: request.getUrn(), message: request.getMessage(), ephemeral: request.getEphemeral() };
}

/** Waits for the answer to a unary call: `call<Reply>((reply) => client.method(request, reply))`. */
export function call<Response>(
  start: (reply: (error: grpc.ServiceError | null, response: Response) => void) => unknown,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    start((error, response) => {
      if (error) reject(error);
      else resolve(response);
    });
  });
}
