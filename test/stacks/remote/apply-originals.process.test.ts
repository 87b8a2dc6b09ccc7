import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { applyPhase, removePhase } from "../../../stacks/remote/apply-phase.ts";
import { textBlock } from "../../../stacks/remote/phase.ts";
import { onThisMachine, setUp } from "./example-phase.ts";

/** Names, kinds, modes and contents of all that lies below a directory. */
function tree(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => {
      const path = join(directory, name);
      const status = lstatSync(path);
      const mode = (status.mode & 0o7777).toString(8);
      if (status.isSymbolicLink()) return `${name} -> ${readlinkSync(path)}`;
      return status.isDirectory() ? `${name}/ ${mode}` : `${name} ${mode} ${readFileSync(path, "latin1")}`;
    });
}

onThisMachine("a file that a phase replaces comes back with its mode when the phase goes", async (t) => {
  const { apply, phase, file, at, directory } = setUp(t);
  writeFileSync(at("a"), "theirs");
  chmodSync(at("a"), 0o604);
  symlinkSync("elsewhere", at("b"));
  const before = tree(directory);
  await applyPhase(phase({ files: [file("a", "1"), file("b", "1"), file("new/deep/c", "1")] }), apply);
  const last = phase({ files: [file("a", "2"), file("b", "2"), file("new/deep/c", "2")] });
  t.is(await applyPhase(last, apply), "pi-1 trial: wrote a, b, c");
  const originals = at("state/originals/trial");
  t.is(statSync(originals).mode & 0o7777, 0o700);
  t.is(statSync(join(originals, readdirSync(originals)[0] ?? "")).mode & 0o7777, 0o600);
  t.is(await removePhase(last, apply), "pi-1 trial: removed c; restored a, b");
  t.deepEqual(
    tree(directory),
    before.filter((line) => !line.startsWith("state/")),
    "the phase's own state is gone too",
  );
  t.is(await removePhase(last, apply), "pi-1 trial: nothing to do");
  t.is(readFileSync(at("a"), "utf8"), "theirs");
});

onThisMachine("a file that leaves its phase comes back, and a later return keeps its new original", async (t) => {
  const { apply, phase, file, at } = setUp(t);
  writeFileSync(at("a"), "first");
  await applyPhase(phase({ files: [file("a", "ours"), file("b", "")] }), apply);
  t.is(await applyPhase(phase({ files: [file("b", "")] }), apply), "pi-1 trial: restored a");
  t.is(readFileSync(at("a"), "utf8"), "first");
  t.false(existsSync(at("state/originals")));
  writeFileSync(at("a"), "second");
  await applyPhase(phase({ files: [file("a", "ours"), file("b", "")] }), apply);
  await removePhase(phase({}), apply);
  t.is(readFileSync(at("a"), "utf8"), "second");
});

onThisMachine("a file that was as wanted all along stays; once replaced, it is what comes back", async (t) => {
  const { apply, phase, file, at } = setUp(t);
  writeFileSync(at("a"), "same", { mode: 0o640 });
  chmodSync(at("a"), 0o640);
  await applyPhase(phase({ files: [file("a", "same")] }), apply);
  await removePhase(phase({}), apply);
  t.is(readFileSync(at("a"), "utf8"), "same");
  await applyPhase(phase({ files: [file("a", "same")] }), apply);
  await applyPhase(phase({ files: [file("a", "other")] }), apply);
  await removePhase(phase({}), apply);
  t.is(readFileSync(at("a"), "utf8"), "same");
});

onThisMachine("drift makes no new original", async (t) => {
  const { apply, phase, file, at } = setUp(t);
  writeFileSync(at("a"), "theirs");
  const given = phase({ files: [file("a", "ours")] });
  await applyPhase(given, apply);
  writeFileSync(at("a"), "edited");
  await applyPhase(given, apply);
  rmSync(at("a"));
  t.is(await removePhase(given, apply), "pi-1 trial: restored a");
  t.is(readFileSync(at("a"), "utf8"), "theirs");
});

onThisMachine(
  "around a block every byte stays, whatever its lines end with, and whether the last one ends",
  async (t) => {
    const { apply, phase, at } = setUp(t);
    const originals = ["", "a", "a\n", "a\r\nb\r\n", "\n\n", "caf\xe9 \x00\n", "a\n\n"];
    for (const [index, original] of originals.entries()) writeFileSync(at(`hosts-${index}`), original, "latin1");
    const names = [...originals.keys(), originals.length].map((index) => at(`hosts-${index}`));
    const given = (line: string) => phase({ files: names.map((name) => textBlock(name, line)) });
    await applyPhase(given("10.0.0.1 pi-1\n"), apply);
    await applyPhase(given("10.0.0.2 pi-1\n"), apply);
    await removePhase(given("10.0.0.2 pi-1\n"), apply);
    t.deepEqual(
      originals.map((_, index) => readFileSync(at(`hosts-${index}`), "latin1")),
      originals,
    );
    t.false(existsSync(names.at(-1) ?? ""), "a file that was not there is gone again");
  },
);

onThisMachine("what others write before and after a block stays where it is", async (t) => {
  const { apply, phase, at } = setUp(t);
  const text = () => readFileSync(at("hosts"), "utf8");
  writeFileSync(at("hosts"), "first");
  const given = (line: string) => phase({ files: [textBlock(at("hosts"), line)] });
  await applyPhase(given("one\n"), apply);
  writeFileSync(at("hosts"), `zeroth\n${text()}last`);
  await applyPhase(given("two\n"), apply);
  t.regex(text(), /^zeroth\nfirst\n# begin [^]*\ntwo\n# end bramble\nlast$/);
  await removePhase(given("two\n"), apply);
  t.is(text(), "zeroth\nfirst\nlast", "the line end between theirs stays");
});

onThisMachine("half a block counts as none, and is written once", async (t) => {
  const { apply, phase, at, reason } = setUp(t);
  writeFileSync(at("hosts"), "a\n");
  const given = phase({ files: [textBlock(at("hosts"), "one\n")] });
  await applyPhase(given, apply);
  const whole = readFileSync(at("hosts"), "utf8");
  writeFileSync(at("hosts"), whole.replace("# end bramble\n", ""));
  t.is(await applyPhase(given, apply), "pi-1 trial: wrote hosts");
  t.is(await reason(given), undefined);
  t.is(await applyPhase(given, apply), "pi-1 trial: nothing to do");
  writeFileSync(at("hosts"), whole.trimEnd());
  t.is(await applyPhase(given, apply), "pi-1 trial: nothing to do", "an end without a line end is one");
});

onThisMachine("a directory that was there gets its mode back; one that was made goes with its parents", async (t) => {
  const { apply, phase, at, owner, directory } = setUp(t);
  mkdirSync(at("old"));
  chmodSync(at("old"), 0o711);
  const before = tree(directory).filter((line) => !line.startsWith("state/"));
  const make = (mode: string) =>
    phase({ directories: ["old", "new/deep/er"].map((name) => ({ path: at(name), mode, owner })) });
  t.is(await applyPhase(make("0750"), apply), `pi-1 trial: made ${at("old")}, ${at("new/deep/er")}`);
  await applyPhase(make("0700"), apply);
  t.is(statSync(at("old")).mode & 0o7777, 0o700);
  t.is(await removePhase(make("0700"), apply), "pi-1 trial: nothing to do");
  t.deepEqual(tree(directory), before);
});

onThisMachine("what becomes another phase's stays, and its original goes along", async (t) => {
  const { apply, phase, file, at } = setUp(t);
  writeFileSync(at("a"), "theirs");
  const [first, second] = [
    phase({ name: "first", files: [file("a", "ours")] }),
    phase({ name: "second", files: [file("a", "ours")] }),
  ];
  await applyPhase(first, apply);
  await applyPhase(second, apply);
  t.is(await removePhase(first, apply), "pi-1 first: nothing to do");
  t.is(readFileSync(at("a"), "utf8"), "ours");
  t.is(await removePhase(second, apply), "pi-1 second: restored a");
  t.is(readFileSync(at("a"), "utf8"), "theirs");
});

onThisMachine("an original that is lost is said, and keeps nothing from going", async (t) => {
  const { apply, phase, file, at } = setUp(t);
  writeFileSync(at("a"), "theirs");
  const given = phase({ files: [file("a", "ours"), file("b", "ours")] });
  await applyPhase(given, apply);
  rmSync(at("state/originals"), { recursive: true });
  t.is(await removePhase(given, apply), `pi-1 trial: removed b; kept ${at("a")} (its original is lost)`);
});
