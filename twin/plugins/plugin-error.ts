import * as grpc from "@grpc/grpc-js";
import provider from "@pulumi/pulumi/proto/provider_pb.js";
import status from "@pulumi/pulumi/proto/status_pb.js";
import type { PropertyMap } from "./property-values.ts";
import { writeProperties } from "./property-values.ts";
import { Any } from "./protobuf.ts";

/** An answer to the engine that is a failure. Any other error thrown by a plugin is passed on as UNKNOWN with its message. */
export class PluginError extends Error {
  override readonly name: string = "PluginError";
  readonly code: grpc.status;
  readonly metadata: grpc.Metadata;

  constructor(message: string, code = grpc.status.UNKNOWN, metadata = new grpc.Metadata()) {
    super(message);
    this.code = code;
    this.metadata = metadata;
  }
}

/** "Not here": the thing exists in the real plugin and is named, so that nobody takes its absence for success. */
export function notOffered(thing: string): PluginError {
  return new PluginError(
    `${thing} is not offered by the offline plugins (twin/plugins); install the real plugin to use it`,
    grpc.status.UNIMPLEMENTED,
  );
}

/**
 * The resource exists but did not become what it should: the engine keeps it in its state, with the reasons, and tries
 * again on the next update.
 */
export class InitializationError extends PluginError {
  override readonly name = "InitializationError";

  constructor(resource: {
    id: string;
    properties: PropertyMap;
    inputs?: PropertyMap;
    message: string;
    reasons: string[];
  }) {
    const detail = new provider.ErrorResourceInitFailed();
    detail.setId(resource.id);
    detail.setProperties(writeProperties(resource.properties));
    if (resource.inputs !== undefined) detail.setInputs(writeProperties(resource.inputs));
    detail.setReasonsList([resource.message, ...resource.reasons]);
    const packed = new Any();
    packed.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
    const carrier = new status.Status();
    carrier.setCode(grpc.status.UNKNOWN);
    carrier.setMessage(resource.message);
    carrier.addDetails(packed);
    const metadata = new grpc.Metadata();
    metadata.set("grpc-status-details-bin", Buffer.from(carrier.serializeBinary()));
    super(resource.message, grpc.status.UNKNOWN, metadata);
  }
}
