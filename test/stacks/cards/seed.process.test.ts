import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { parse } from "yaml";
import { renderSeed, type WantedCard } from "../../../stacks/cards/seed.ts";
import { userDataStub } from "../../../stacks/cards/seed/stubs.ts";
import { renderYaml } from "../../../stacks/cards/seed/yaml.ts";
import { quote } from "../../../stacks/remote/connection.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { testWithTools } from "../../with-tools.ts";
import { exampleRootSecret } from "../keys/example.ts";
import { hostile, system, validSite } from "./arbitrary-site.ts";
import { exampleWifiPassword, goldenCard, goldenCards } from "./golden-cards.ts";
import { expectedFacts, factsOf } from "./seed-facts.ts";

const directory = mkdtempSync(join(tmpdir(), "bramble-seed-"));
test.after.always(() => {
  rmSync(directory, { recursive: true });
});

const arbitraryCard: fc.Arbitrary<WantedCard> = fc.tuple(validSite, system).map(([{ site, node }, on]) => ({
  site,
  node,
  system: on,
  keys: deriveSiteKeys(exampleRootSecret, site),
  wifiPassword: exampleWifiPassword,
}));

/** What PyYAML, which cloud-init reads its files with, makes of texts. */
function readWithPyYaml(texts: readonly string[]): unknown[] {
  const program = "import json,sys,yaml; print(json.dumps([yaml.safe_load(text) for text in json.load(sys.stdin)]))";
  const input = JSON.stringify(texts);
  return JSON.parse(execFileSync("python3", ["-c", program], { input, encoding: "utf8" })) as unknown[];
}

testWithTools(["python3:yaml"], "any valid site's seed comes out of PyYAML as it went in", (t) => {
  const cards = fc.sample(arbitraryCard, 60);
  const seeds = cards.map(renderSeed);
  const names = ["meta-data", "network-config", "user-data"] as const;
  const seen = readWithPyYaml(seeds.flatMap((seed) => names.map((name) => seed[name])));
  for (const [index, card] of cards.entries())
    t.deepEqual(
      factsOf(card.node, (name) => seen[index * names.length + names.indexOf(name)]),
      expectedFacts(card),
    );
});

testWithTools(["python3:yaml"], "and so do hostile strings, whatever let them through", (t) => {
  const given = fc
    .sample(fc.tuple(hostile, hostile), 300)
    .map(([key, value]) => ({ [`k${key}`]: value, list: [value] }));
  t.deepEqual(readWithPyYaml(given.map(renderYaml)), given);
});

function validate(t: ExecutionContext, name: string, text: string): void {
  const file = join(directory, name.replaceAll("/", "-"));
  writeFileSync(file, text, { mode: 0o600 });
  const { status, stdout, stderr } = spawnSync("cloud-init", ["schema", "--config-file", file], { encoding: "utf8" });
  t.is(status, 0, `${name}\n${stdout}${stderr}`);
  t.regex(stdout, /^Valid (cloud-config|schema)/m);
}

testWithTools(["cloud-init"], "cloud-init's schema takes the user-data of every golden card, and the stub", (t) => {
  for (const [name, card] of Object.entries(goldenCards)) validate(t, name, renderSeed(card)["user-data"]);
  validate(t, "stub", userDataStub("pi-2"));
});

testWithTools(["cloud-init"], "and of any valid site, of which it sees a few", (t) => {
  for (const [index, card] of fc.sample(arbitraryCard, 4).entries())
    validate(t, `arbitrary-${index}`, renderSeed(card)["user-data"]);
});

testWithTools(["shellcheck"], "shellcheck finds nothing in what the seeds run", (t) => {
  for (const [name, card] of Object.entries(goldenCards)) {
    const data = parse(renderSeed(card)["user-data"]) as Record<string, string[][] | undefined>;
    const commands = [...(data.bootcmd ?? []), ...(data.runcmd ?? [])];
    // A script given to `sh -c` is one of its own; cloud-init quotes the rest (util.py, shellify).
    const scripts = commands.map((command) =>
      command[1] === "-c" ? (command[2] ?? "") : command.map(quote).join(" "),
    );
    for (const script of scripts) {
      const { stdout } = spawnSync("shellcheck", ["--shell=sh", "--norc", "-"], { input: script, encoding: "utf8" });
      t.is(stdout, "", `${name}: ${script}`);
    }
  }
});

test("the command that enables a locale does so once, whatever the file looks like", (t) => {
  const data = parse(renderSeed(goldenCard("raspberry-pi-os/wifi"))["user-data"]) as {
    bootcmd: string[][];
  };
  const [shell = "", ...argv] = data.bootcmd.find(([first]) => first === "sh") ?? [];
  const file = join(directory, "locale.gen");
  const run = (text: string) => {
    writeFileSync(file, text);
    const local = argv.map((word) => word.replaceAll("/etc/locale.gen", file));
    for (let times = 0; times < 2; times++) execFileSync(shell, local);
    return execFileSync("cat", [file], { encoding: "utf8" });
  };
  t.is(run("# en_GB.UTF-8 UTF-8\n"), "# en_GB.UTF-8 UTF-8\nen_GB.UTF-8 UTF-8\n");
  t.is(run("en_GB.UTF-8 UTF-8\n"), "en_GB.UTF-8 UTF-8\n");
});
