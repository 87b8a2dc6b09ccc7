import test from "ava";
import { parseSiteStack } from "../../../scripts/lib/site-stack.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { exampleRootSecret } from "../../stacks/keys/example.ts";

const site = {
  name: "barn",
  image: { file: "images/os.img", sha256: "a".repeat(64) },
  network: { prefix: 24, gateway: "192.168.7.1" },
  nodes: { "pi-1": { role: "server", address: "192.168.7.11" } },
  k3s: { version: "v1.34.2+k3s1", binary: { file: "images/k3s", sha256: "b".repeat(64) } },
};

test("a site's configuration with its secrets", (t) => {
  const stack = parseSiteStack("barn", { site, rootSecret: exampleRootSecret, wifiPassword: "hay and straw" });
  t.like(stack, { rootSecret: exampleRootSecret, wifiPassword: "hay and straw" });
  t.is(stack.site.name, "barn");
  t.is(parseSiteStack("barn", { site, rootSecret: exampleRootSecret }).wifiPassword, undefined);
});

test("without a root secret there are no cards", (t) => {
  t.throws(() => parseSiteStack("barn", { site }), {
    instanceOf: UserError,
    message: /^Pulumi\.barn\.yaml: has no bramble:rootSecret.*\n {2}Next: .*openssl rand -hex 32 \|.*--stack barn$/,
  });
});

test("an experiment has no cards, and what is neither is said", (t) => {
  const experiment = {
    site: "barn",
    models: { gemma: { reference: "gemma3:270m", digest: `sha256:${"c".repeat(64)}` } },
    images: { ollama: "docker.io/ollama/ollama:0.17.4", runner: "docker.io/library/node:24-slim" },
    nodes: { models: ["pi-1"], runner: "pi-1" },
    variants: { threads: [1] },
    scenarios: { short: { prompts: "field-report", maxTokens: 32 } },
  };
  t.throws(() => parseSiteStack("threads-1", { experiment, rootSecret: exampleRootSecret }), {
    instanceOf: UserError,
    message: /is an experiment, and this is done to sites\n {2}Next: name its site: barn/,
  });
  t.throws(() => parseSiteStack("other", {}), { instanceOf: UserError, message: /neither/ });
});
