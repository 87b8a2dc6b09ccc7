import test from "ava";
import fc from "fast-check";
import { renderProxyConfig, type ProxiedModel } from "../../../workloads/serving/proxy-config.ts";
import { matchesGolden } from "../../golden.ts";
import { exampleClients, exampleProxyConfig } from "./example-proxy.ts";

const config = exampleProxyConfig;
const model: ProxiedModel = { host: "10.0.0.1", port: 11434, replicas: 1, parallel: 1, queue: 1 };

test("the proxy's configuration is as it was", (t) => {
  matchesGolden(t, "workloads/haproxy.cfg", renderProxyConfig(config));
});

test("neither a key nor its hash is in it", (t) => {
  const text = renderProxyConfig(config);
  for (const hash of Object.values(exampleClients)) t.false(text.includes(hash));
});

test("a name that would break the configuration is refused, every other one makes whole lines", (t) => {
  const lines = renderProxyConfig({ ...config, models: { a: model }, defaultModel: "a" }).split("\n").length;
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z][a-z0-9-]{0,9}$/)), (label) => {
      const valid = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label) && label !== "v1";
      const render = () => renderProxyConfig({ ...config, models: { [label]: model }, defaultModel: label });
      if (valid) {
        t.is(render().split("\n").length, lines);
        t.true(render().includes(`\nbackend model-${label}\n`));
      } else t.throws(render, { message: /model/ });
    }),
  );
});

test("a host that would break the configuration is refused", (t) => {
  fc.assert(
    fc.property(fc.string(), (host) => {
      const render = () => renderProxyConfig({ ...config, models: { a: { ...model, host } }, defaultModel: "a" });
      if (/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(host)) t.true(render().includes(` ${host}:11434 `));
      else t.throws(render, { message: /is no host/ });
    }),
  );
});

for (const [what, change] of Object.entries({
  "no pod": { replicas: 0 },
  "half a request at once": { parallel: 0.5 },
  "a port beyond the last": { port: 65536 },
  "no place to wait": { queue: 0 },
}))
  test(`a model with ${what} is refused`, (t) => {
    t.throws(() => renderProxyConfig({ ...config, models: { a: { ...model, ...change } }, defaultModel: "a" }));
  });

test("the default model is one of the models", (t) => {
  t.throws(() => renderProxyConfig({ ...config, defaultModel: "nobody" }), {
    message: "nobody is none of the proxy's models",
  });
});

test("an address or a path of more than one word is refused", (t) => {
  t.throws(() => renderProxyConfig({ ...config, keysFile: "/keys/my file" }), { message: /would break/ });
  t.throws(() => renderProxyConfig({ ...config, addresses: { api: ":80\n", metrics: ":81" } }), {
    message: /would break/,
  });
});
