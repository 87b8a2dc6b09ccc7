import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { siblingExperiments } from "../../stacks/sibling-experiments.ts";

const experiment = (site: string, more = "") => `config:
  bramble:experiment:
    site: ${site}
    models:
      gemma: { reference: gemma3:270m, digest: sha256:${"c".repeat(64)} }
    images: { ollama: ollama/ollama:0.17.4, runner: node:24 }
    nodes: { models: [pi-2], runner: pi-1 }
    variants: { threads: [1] }
    scenarios:
      short: { prompts: short-questions, maxTokens: 8 }
${more}`;

test("the other experiments of a site load what their files say; what can't be read is named", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "bramble-siblings-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  const files = {
    "Pulumi.own.yaml": experiment("barn"),
    "Pulumi.other.yaml": experiment("barn"),
    "Pulumi.elsewhere.yaml": experiment("orchard"),
    "Pulumi.barn.yaml": "config:\n  bramble:site: {}\n",
    "Pulumi.broken.yaml": "config: [",
    "Pulumi.empty.yaml": "",
    "Pulumi.wrong.yaml": experiment("barn", "    weather: fine\n"),
    "Pulumi.yaml": "name: bramble\n",
    "notes.yaml": experiment("barn"),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const { tenants, unknown } = siblingExperiments("own", "barn", directory);
  t.deepEqual(
    tenants.map((all) => all["pi-2"]?.map(({ owner, reference }) => `${owner} ${reference}`)),
    [["other gemma3:270m"]],
  );
  t.deepEqual(unknown, ["broken", "wrong"]);
});
