import provider from "@pulumi/pulumi/proto/provider_pb.js";
import pluginProto from "@pulumi/pulumi/proto/plugin_pb.js";
import type { EngineLog } from "./engine-log.ts";
import { Empty } from "./protobuf.ts";

/** How a provider introduces itself to the engine: the same for every provider. */
export function introduction(log: EngineLog, version: string) {
  return {
    handshake(request: provider.ProviderHandshakeRequest): provider.ProviderHandshakeResponse {
      log.connect(request.getEngineAddress());
      const response = new provider.ProviderHandshakeResponse();
      response.setAcceptSecrets(true);
      return response;
    },
    attach(request: pluginProto.PluginAttach) {
      log.connect(request.getAddress());
      return new Empty();
    },
    getPluginInfo(): pluginProto.PluginInfo {
      const response = new pluginProto.PluginInfo();
      response.setVersion(version);
      return response;
    },
  };
}
