import { hashApiKey } from "../../../workloads/serving/api-keys.ts";
import { podAddresses, type ProxyConfigArguments } from "../../../workloads/serving/proxy-config.ts";

/** A key as a client has it. */
export const exampleKey = "sk-example-0123456789abcdef0123456789";

export const exampleClients = { alice: hashApiKey(exampleKey), "web-ui": hashApiKey(`${exampleKey}-of-another`) };

const model = { host: "ollama-assistant.models.svc.cluster.local", port: 11434, replicas: 2, parallel: 1, queue: 8 };

/** Two models: one on two boards, one on one that answers two at once. */
export const exampleProxyConfig: ProxyConfigArguments = {
  models: {
    assistant: model,
    coder: { ...model, host: "ollama-coder.models.svc.cluster.local", replicas: 1, parallel: 2, queue: 4 },
  },
  defaultModel: "assistant",
  ...podAddresses,
};
