import test from "ava";
import fc from "fast-check";
import { renderProxyEnvironment } from "../../../stacks/k3s/proxy-environment.ts";
import { matchesGolden } from "../../golden.ts";
import { exampleSite } from "../keys/example.ts";
import { arbitraryCluster } from "./arbitrary-cluster.ts";
import { validSite } from "./valid-site.ts";

test("the proxy's environment is as it was", (t) => {
  matchesGolden(t, "k3s/site-k3s-everything/proxy.env", renderProxyEnvironment(validSite("site-k3s-everything")) ?? "");
});

test("there is none without a proxy", (t) => {
  t.is(renderProxyEnvironment(exampleSite()), undefined);
});

test("what the site says to itself never goes through the proxy", (t) => {
  fc.assert(
    fc.property(arbitraryCluster, (site) => {
      const text = renderProxyEnvironment(site);
      if (text === undefined) return;
      // Nothing that systemd would read as a quote, an escape or a further variable (systemd.exec(5), EnvironmentFile).
      t.regex(text, /^HTTP_PROXY=[!-~]+\nNO_PROXY=[!-~]+\n$/);
      t.notRegex(text, /["'\\$#]/);
      const excluded = /^NO_PROXY=(.*)$/m.exec(text)?.[1]?.split(",") ?? [];
      const own = Object.values(site.nodes).flatMap(({ address, address6 }) => [address, address6 ?? address]);
      for (const name of [...own, ...site.k3s.clusterCidr, ...site.k3s.serviceCidr, site.k3s.apiAddress ?? "localhost"])
        t.true(excluded.includes(name), name);
      t.is(new Set(excluded).size, excluded.length);
    }),
  );
});

test("a registry beside the nodes is asked without it, and kube-vip's address too", (t) => {
  const site = exampleSite();
  site.k3s.proxy = { http: "http://proxy.example.org:3128", exclude: [] };
  site.k3s.kubeVip = { address: "192.168.7.5", image: "kube-vip" };
  const excluded = renderProxyEnvironment(site) ?? "";
  t.true(excluded.includes(",192.168.7.1/24"));
  t.true(excluded.includes(",192.168.7.5"));
});
