import * as grpc from "@grpc/grpc-js";
import { notOffered, PluginError } from "./plugin-error.ts";

type NamedMembers<T> = {
  [Name in keyof T as string extends Name ? never : number extends Name ? never : Name]: T[Name];
};

/** The methods of a gRPC service that a plugin offers, as plain functions from request to response. */
export type Methods<Service> = {
  [Name in keyof NamedMembers<Service>]?: NamedMembers<Service>[Name] extends grpc.handleUnaryCall<
    infer Request,
    infer Response
  >
    ? (request: Request) => Response | Promise<Response>
    : never;
};

interface Plugin<Service> {
  /** Named in errors. */
  name: string;
  service: grpc.ServiceDefinition;
  methods: Methods<Service>;
  /** Streaming methods, answered in gRPC's own terms. */
  streams?: Record<string, grpc.handleServerStreamingCall<unknown, unknown>>;
  /** Called before the process ends, however it is ended: leave no child behind. */
  stop?: () => void;
}

/**
 * Serves a plugin to the engine that started this process, on a loopback port of the system's choice, which is the first
 * line on stdout: that is how the engine finds it. A method that the plugin does not offer fails with its name.
 */
export function servePlugin<Service>(plugin: Plugin<Service>): void {
  const server = new grpc.Server({
    // States of many resources outgrow gRPC's 4 MB.
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
  });
  server.addService(plugin.service, handlers(plugin));
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    process.stdout.write(`${port}\n`);
  });
  endWithTheEngine(plugin.stop ?? (() => undefined));
}

/** The engine's address: the argument that is not a flag. Newer engines say it again in Handshake. */
export function engineAddress(): string {
  return process.argv.slice(2).findLast((argument) => !argument.startsWith("-")) ?? "";
}

function handlers<Service>(plugin: Plugin<Service>): grpc.UntypedServiceImplementation {
  const methods = plugin.methods as Record<string, ((request: unknown) => unknown) | undefined>;
  const implementation: grpc.UntypedServiceImplementation = {};
  for (const [name, { responseStream }] of Object.entries(plugin.service)) {
    const missing = () => notOffered(`${plugin.name}: ${name}`);
    implementation[name] = responseStream
      ? (plugin.streams?.[name] ??
        ((call: grpc.ServerWritableStream<unknown, unknown>) => call.emit("error", toStatus(missing()))))
      : unaryHandler(methods[name] ?? (() => Promise.reject(missing())));
  }
  return implementation;
}

function unaryHandler(method: (request: unknown) => unknown): grpc.handleUnaryCall<unknown, unknown> {
  return (call, reply) => {
    Promise.resolve(call.request)
      .then(method)
      .then(
        (response) => {
          reply(null, response);
        },
        (error: unknown) => {
          reply(toStatus(error));
        },
      );
  };
}

function toStatus(error: unknown): Partial<grpc.StatusObject> {
  if (error instanceof PluginError) return { code: error.code, details: error.message, metadata: error.metadata };
  return { code: grpc.status.UNKNOWN, details: error instanceof Error ? error.message : String(error) };
}

/** A plugin ends when the engine tells it to (SIGINT) and when the engine is gone without a word. */
function endWithTheEngine(stop: () => void): void {
  const end = () => {
    stop();
    process.exit(0);
  };
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
  const engine = process.ppid;
  // Compared with the first parent, not with 1: under a subreaper (systemd --user, a container's init) orphans go elsewhere.
  setInterval(() => process.ppid !== engine && end(), 500).unref();
}
