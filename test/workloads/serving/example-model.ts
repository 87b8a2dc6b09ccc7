import { deriveModel } from "../../../workloads/ollama/derived-model.ts";
import { servingNamespace } from "../../../workloads/serving/namespace.ts";
import { servedReference } from "../../../workloads/serving/names.ts";
import type { ServingArguments } from "../../../workloads/serving/served-model.ts";
import { exampleServer } from "../example-plan.ts";
import { baseModel } from "../ollama/base-model.ts";

/** A model that two boards serve. */
export const exampleServing: ServingArguments = {
  namespace: servingNamespace,
  label: "assistant",
  base: { reference: baseModel.reference, digest: baseModel.digest, bytes: 253_113_555 },
  derived: deriveModel(baseModel, {
    reference: servedReference("assistant"),
    parameters: { num_ctx: 4096, num_thread: 4 },
    system: "You answer briefly.",
  }),
  placement: { nodes: ["pi2", "pi3"] },
  settings: exampleServer,
  image: "docker.io/bramble/ollama:0.17.4-000000000000",
  registry: "192.168.7.11:5000",
  memory: 700_000_000,
};
