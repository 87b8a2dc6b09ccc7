import * as grpc from "@grpc/grpc-js";
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import engine from "@pulumi/pulumi/proto/engine_pb.js";

type Severity = "INFO" | "WARNING" | "ERROR";

/** What a person sees of a plugin: lines in the engine's display, attached to a resource. */
export class EngineLog {
  #client: engineGrpc.EngineClient | undefined;

  /** @param address host:port of the engine; empty means there is none (a plugin started by hand) */
  connect(address: string): void {
    if (address !== "") this.#client = new engineGrpc.EngineClient(address, grpc.credentials.createInsecure());
  }

  /** A lasting message, shown again when the update ends. */
  async message(severity: Severity, urn: string, text: string): Promise<void> {
    await this.#send(severity, urn, text, false);
  }

  /** What the resource is doing now: shown beside it until the next status. Empty clears it. */
  async status(urn: string, text: string): Promise<void> {
    await this.#send("INFO", urn, text, true);
  }

  async #send(severity: Severity, urn: string, text: string, ephemeral: boolean): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    const request = new engine.LogRequest();
    request.setSeverity(engine.LogSeverity[severity]);
    request.setUrn(urn);
    request.setMessage(text);
    request.setEphemeral(ephemeral);
    // A log that cannot be delivered must not fail the resource: the engine is gone or going.
    await new Promise<void>((resolve) =>
      client.log(request, () => {
        resolve();
      }),
    );
  }
}
