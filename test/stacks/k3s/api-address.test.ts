import test from "ava";
import type { Observation } from "../../../stacks/nodes/observe.ts";
import { apiAddressOf } from "../../../stacks/k3s/api-address.ts";
import { NodeUnavailable } from "../../../stacks/remote/node-unavailable.ts";
import { exampleK3s, exampleReport } from "../nodes/example-report.ts";
import { validSite } from "./valid-site.ts";

const unit = (state: string | null): Observation => exampleReport({ k3s: exampleK3s({ unit: state }) });
const silent = new NodeUnavailable({ node: "pi-1", address: "192.168.7.11", port: 22, user: "bramble" }, "unreachable");

function addressWith(
  seen: Record<string, Observation>,
  changes: { apiAddress?: string; kubeVip?: string } = {},
): string {
  const site = validSite("site-three-servers");
  delete site.k3s.apiAddress;
  if (changes.apiAddress !== undefined) site.k3s.apiAddress = changes.apiAddress;
  if (changes.kubeVip !== undefined) site.k3s.kubeVip = { address: changes.kubeVip, image: "kube-vip" };
  return apiAddressOf(site, new Map(Object.entries(seen)));
}

test("the configured name goes first, then kube-vip's address", (t) => {
  const seen = { "pi-2": unit("active") };
  t.is(addressWith(seen, { apiAddress: "k3s.example.org", kubeVip: "192.168.7.5" }), "k3s.example.org");
  t.is(addressWith(seen, { kubeVip: "192.168.7.5" }), "192.168.7.5");
});

test("else it is the first server that works", (t) => {
  t.is(addressWith({ "pi-1": unit("active"), "pi-2": unit("active") }), "192.168.7.11");
  t.is(addressWith({ "pi-1": silent, "pi-2": unit("failed"), "pi-3": unit("active") }), "192.168.7.13");
});

test("where none works, or none was looked at, it is the first; an agent never is", (t) => {
  t.is(addressWith({}), "192.168.7.11");
  t.is(addressWith({ "pi-1": unit(null), "pi-2": silent, "pi-4": unit("active") }), "192.168.7.11");
});
