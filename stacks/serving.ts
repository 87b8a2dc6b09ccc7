import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { deadline } from "../workloads/serving/served-model.ts";
import type { ServingPlan } from "./serving-plan.ts";

const customTimeouts = { create: `${deadline}s`, update: `${deadline}s` };

/** A site's models and the one way in for clients: a server for each model on each of its nodes, and a proxy before them all. */
export class Serving extends pulumi.ComponentResource {
  /** Everything that must be there before clients are answered. */
  readonly parts: pulumi.Resource[];

  constructor(
    name: string,
    { plan, provider }: { readonly plan: ServingPlan; readonly provider: kubernetes.Provider },
    resourceOptions: pulumi.ComponentResourceOptions,
  ) {
    super("bramble:serving:Serving", name, {}, resourceOptions);
    const namespace = new kubernetes.core.v1.Namespace("models", plan.namespace, {
      ...{ parent: this, provider },
      dependsOn: resourceOptions.dependsOn ?? [],
    });
    const options = { parent: this, provider, dependsOn: namespace };
    const policy = new kubernetes.networking.v1.NetworkPolicy("models", plan.networkPolicy, options);
    const inside = { ...options, dependsOn: policy };

    const models = plan.models.flatMap(({ label, objects }) => {
      const before = [
        new kubernetes.core.v1.ConfigMap(`model-${label}`, objects.configMap, inside),
        new kubernetes.networking.v1.NetworkPolicy(`model-${label}`, objects.networkPolicy, inside),
      ];
      const server = new kubernetes.apps.v1.Deployment(`model-${label}`, objects.deployment, {
        ...options,
        dependsOn: before,
        customTimeouts,
      });
      const service = new kubernetes.core.v1.Service(`model-${label}`, objects.service, {
        ...options,
        dependsOn: server,
      });
      return [...before, server, service];
    });

    const { proxy } = plan;
    const before = [
      new kubernetes.core.v1.ConfigMap("model-proxy", proxy.configMap, inside),
      new kubernetes.core.v1.Secret(
        "model-proxy",
        { ...proxy.secret, stringData: pulumi.secret(proxy.secret.stringData) },
        inside,
      ),
      new kubernetes.networking.v1.NetworkPolicy("model-proxy", proxy.networkPolicy, inside),
    ];
    const deployment = new kubernetes.apps.v1.Deployment("model-proxy", proxy.deployment, {
      ...options,
      dependsOn: [...before, ...models],
    });
    const services = [
      new kubernetes.core.v1.Service("model-proxy", proxy.service, { ...options, dependsOn: deployment }),
      new kubernetes.core.v1.Service("model-proxy-metrics", proxy.metricsService, {
        ...options,
        dependsOn: deployment,
      }),
    ];
    this.parts = [policy, ...models, ...before, deployment, ...services];
    this.registerOutputs();
  }
}
