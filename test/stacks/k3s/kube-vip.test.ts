import test from "ava";
import { parse } from "yaml";
import { renderKubeVip } from "../../../stacks/k3s/kube-vip.ts";
import { matchesGolden } from "../../golden.ts";
import { exampleSite } from "../keys/example.ts";
import { validSite } from "./valid-site.ts";

test("kube-vip's pod is as it was", (t) => {
  matchesGolden(t, "k3s/site-k3s-everything/kube-vip.yaml", renderKubeVip(validSite("site-k3s-everything")) ?? "");
});

test("there is none where no address was asked for", (t) => {
  t.is(renderKubeVip(exampleSite()), undefined);
});

function environment(address: string): Record<string, unknown> {
  const site = exampleSite();
  site.network.interface = "end0";
  site.k3s.kubeVip = { address, image: "ghcr.io/kube-vip/kube-vip:v1.0.2" };
  const pod = parse(renderKubeVip(site) ?? "") as {
    spec: { containers: { env: { name: string; value?: unknown; valueFrom?: unknown }[] }[] };
  };
  return Object.fromEntries(
    pod.spec.containers[0]?.env.map(({ name, value, valueFrom }) => [name, value ?? valueFrom]) ?? [],
  );
}

test("the address moves alone, on the nodes' own interface, and variables are text", (t) => {
  t.like(environment("192.168.7.5"), { address: "192.168.7.5", vip_subnet: "32", vip_interface: "end0", port: "6443" });
  t.like(environment("fd00::5"), { address: "fd00::5", vip_subnet: "128" });
});

test("each server stands for election by its node's name", (t) => {
  t.deepEqual(environment("192.168.7.5").vip_nodename, { fieldRef: { fieldPath: "spec.nodeName" } });
});
