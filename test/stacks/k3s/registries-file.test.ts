import test from "ava";
import fc from "fast-check";
import { parse } from "yaml";
import { authorityPath, renderRegistries } from "../../../stacks/k3s/registries-file.ts";
import { matchesGolden } from "../../golden.ts";
import { exampleSite } from "../keys/example.ts";
import { arbitraryCluster } from "./arbitrary-cluster.ts";
import { validSite } from "./valid-site.ts";

test("registries.yaml is as it was", (t) => {
  matchesGolden(t, "k3s/site-k3s-everything/registries.yaml", renderRegistries(validSite("site-k3s-everything")) ?? "");
});

test("there is none where nothing would be in it", (t) => {
  const site = exampleSite();
  t.is(renderRegistries(site), undefined);
  site.k3s.registries = { mirrors: {}, authorities: {}, insecure: [], onlyMirrors: false };
  t.is(renderRegistries(site), undefined);
});

test("a registry that has no authority of its own is asked for none, whatever its name", (t) => {
  const site = exampleSite();
  site.k3s.registries = { mirrors: {}, authorities: {}, insecure: ["constructor"], onlyMirrors: false };
  t.deepEqual(parse(renderRegistries(site) ?? ""), {
    configs: { constructor: { tls: { insecure_skip_verify: true } } },
  });
});

test("no two registries share an authority's file, and none lies elsewhere", (t) => {
  const host = fc.stringMatching(/^(\*|[a-z0-9]([a-z0-9.-]{0,8}[a-z0-9])?(:[0-9]{1,5})?)$/);
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.oneof(host, fc.constantFrom("any", "*", "a:1", "a-1", "a.1")), { maxLength: 8 }),
      (hosts) => {
        t.is(new Set(hosts.map(authorityPath)).size, hosts.length);
        for (const path of hosts.map(authorityPath))
          t.regex(path, /^\/etc\/rancher\/k3s\/registries\/[a-z0-9_.-]+\.pem$/);
      },
    ),
  );
});

test("any valid site's mirrors come back as they were configured", (t) => {
  fc.assert(
    fc.property(arbitraryCluster, (site) => {
      const { registries } = site.k3s;
      const text = renderRegistries(site);
      t.is(text === undefined, registries === undefined);
      if (text === undefined || registries === undefined) return;
      const seen = parse(text, { version: "1.1" }) as {
        mirrors: Record<string, { endpoint: string[]; rewrite?: Record<string, string> }>;
        configs?: Record<string, { tls: Record<string, unknown> }>;
      };
      t.deepEqual(
        Object.entries(seen.mirrors).map(([name, { endpoint, rewrite }]) => [name, endpoint, rewrite ?? {}]),
        Object.entries(registries.mirrors).map(([name, { endpoints, rewrite }]) => [name, endpoints, { ...rewrite }]),
      );
      t.deepEqual(Object.keys(seen.configs ?? {}).sort(), [...registries.insecure].sort());
    }),
    { numRuns: 60 },
  );
});
