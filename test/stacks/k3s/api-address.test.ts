import test from "ava";
import { serversOf } from "../../../stacks/config/site.ts";
import { apiAddressOf } from "../../../stacks/k3s/api-address.ts";
import { validSite } from "./valid-site.ts";

/** Among servers of which these answer. */
async function addressWith(
  answering: readonly string[],
  changes: { apiAddress?: string; kubeVip?: string } = {},
): Promise<{ address: string; asked: string[] }> {
  const site = validSite("site-three-servers");
  delete site.k3s.apiAddress;
  if (changes.apiAddress !== undefined) site.k3s.apiAddress = changes.apiAddress;
  if (changes.kubeVip !== undefined) site.k3s.kubeVip = { address: changes.kubeVip, image: "kube-vip" };
  const asked: string[] = [];
  const address = await apiAddressOf(site, (candidate) => {
    asked.push(candidate);
    return Promise.resolve(answering.includes(candidate));
  });
  return { address, asked };
}

test("the configured name goes first, then kube-vip's address, and nobody is asked", async (t) => {
  const both = { apiAddress: "k3s.example.org", kubeVip: "192.168.7.5" };
  t.deepEqual(await addressWith(["192.168.7.12"], both), { address: "k3s.example.org", asked: [] });
  t.deepEqual(await addressWith([], { kubeVip: "192.168.7.5" }), { address: "192.168.7.5", asked: [] });
});

test("else it is the first server that answers", async (t) => {
  t.is((await addressWith(["192.168.7.11", "192.168.7.12"])).address, "192.168.7.11");
  t.is((await addressWith(["192.168.7.13"])).address, "192.168.7.13");
});

test("where none answers it is the first, and an agent never is asked", async (t) => {
  t.deepEqual(await addressWith([]), {
    address: "192.168.7.11",
    asked: ["192.168.7.11", "192.168.7.12", "192.168.7.13"],
  });
});

test("a sole server need not be asked", async (t) => {
  const site = validSite("site-minimal");
  const asked = () => Promise.reject(new Error("asked"));
  t.deepEqual(await apiAddressOf(site, asked), serversOf(site)[0]?.node.address);
});
