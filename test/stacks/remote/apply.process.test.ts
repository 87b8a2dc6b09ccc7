import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { applyPhase, removePhase } from "../../../stacks/remote/apply-phase.ts";
import { textBlock, type Step } from "../../../stacks/remote/phase.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { onThisMachine, setUp, snapshot } from "./example-phase.ts";

onThisMachine("a phase writes its files with their mode, and a second time nothing", async (t) => {
  const { apply, phase, file, at, directory } = setUp(t);
  const given = phase({ files: [file("etc/deep/a.conf", "täxt\n"), file("b", "")] });
  t.is(await applyPhase(given, apply), "pi-1 trial: wrote a.conf, b");
  t.is(readFileSync(at("etc/deep/a.conf"), "utf8"), "täxt\n");
  t.is(statSync(at("etc/deep/a.conf")).mode & 0o7777, 0o640);
  const before = snapshot(directory);
  t.is(await applyPhase(given, apply), "pi-1 trial: nothing to do");
  t.deepEqual(snapshot(directory), before);
});

onThisMachine("only what differs is written: another content, another mode, a link in its place", async (t) => {
  const { apply, phase, file, at } = setUp(t);
  const given = phase({ files: ["a", "b", "c", "d"].map((name) => file(name, name)) });
  await applyPhase(given, apply);
  writeFileSync(at("a"), "edited");
  chmodSync(at("b"), 0o600);
  writeFileSync(at("elsewhere"), "not ours");
  rmSync(at("c"));
  symlinkSync(at("elsewhere"), at("c"));
  t.is(await applyPhase(given, apply), "pi-1 trial: wrote a, b, c");
  t.deepEqual(
    ["a", "b", "c"].map((name) => readFileSync(at(name), "utf8")),
    ["a", "b", "c"],
  );
  t.is(statSync(at("b")).mode & 0o7777, 0o640);
  t.is(readFileSync(at("elsewhere"), "utf8"), "not ours");
});

onThisMachine("an unchanged size and time do not hide an edit", async (t) => {
  const { apply, phase, file, at } = setUp(t);
  const given = phase({ files: [file("a", "one")] });
  await applyPhase(given, apply);
  const { atime, mtime } = statSync(at("a"));
  writeFileSync(at("a"), "two");
  utimesSync(at("a"), atime, mtime);
  t.is(await applyPhase(given, apply), "pi-1 trial: wrote a");
});

onThisMachine("a step runs when a file that it follows changed, not with others, and not again", async (t) => {
  const { apply, phase, file, at, noting, log } = setUp(t);
  const steps = [noting("restart", { after: [at("a")] }), noting("wait"), noting("never", { check: ["true"] })];
  const given = (a: string, b: string) => phase({ files: [file("a", a), file("b", b)], steps });
  t.is(await applyPhase(given("1", "1"), apply), "pi-1 trial: wrote a, b; restart; wait");
  t.is(await applyPhase(given("1", "2"), apply), "pi-1 trial: wrote b; wait");
  t.is(await applyPhase(given("2", "2"), apply), "pi-1 trial: wrote a; restart; wait");
  t.deepEqual(log(), ["restart", "wait", "wait", "restart", "wait"]);
});

onThisMachine("a step that fails is an error with its output, and is done with the next attempt", async (t) => {
  const { apply, phase, file, at, noting, log } = setUp(t);
  const restart = noting("restart", { after: [at("a")] });
  const failing = { ...restart, run: ["sh", "-c", "echo port in use; exit 3"] };
  const error = await t.throwsAsync(applyPhase(phase({ files: [file("a", "1")], steps: [failing] }), apply), {
    instanceOf: UserError,
  });
  t.regex(error.message, /^pi-1 trial: "restart" did not come about; it said last:\n {4}port in use\n {2}Next: /);
  // The file is in place by now: only the record knows that the step is still to do.
  t.is(await applyPhase(phase({ files: [file("a", "1")], steps: [restart] }), apply), "pi-1 trial: restart");
  t.deepEqual(log(), ["restart"]);
});

onThisMachine("a step is tried again for as long as its patience lasts", async (t) => {
  const { apply, phase, at, records } = setUp(t);
  const script = `test -e ${at("ready")} || { touch ${at("ready")}; exit 1; }`;
  const steps: Step[] = [{ title: "ready", run: ["sh", "-c", script], limit: 5, patience: 30 }];
  t.is(await applyPhase(phase({ steps }), apply), "pi-1 trial: ready");
  t.false(existsSync(records), "steps alone leave no record");
});

onThisMachine("a step without end is stopped, and one that leaves a process behind does not hold us up", async (t) => {
  const { apply, phase } = setUp(t);
  const leaving: Step = { title: "left", run: ["sh", "-c", "sleep 20 &"], limit: 10 };
  const endless: Step = { title: "endless", run: ["sleep", "20"], limit: 1 };
  const error = await t.throwsAsync(applyPhase(phase({ steps: [leaving, endless] }), apply), { instanceOf: UserError });
  t.regex(error.message, /"endless" did not come about; it said last:\n {4}no end after 1 s/);
});

onThisMachine("a file that the phase no longer has is removed; one that it never had stays", async (t) => {
  const { apply, phase, file, at } = setUp(t);
  await applyPhase(phase({ files: [file("a", "1"), file("b", "1")] }), apply);
  writeFileSync(at("stranger"), "");
  t.is(await applyPhase(phase({ files: [file("a", "1")] }), apply), "pi-1 trial: removed b");
  t.deepEqual([existsSync(at("b")), existsSync(at("stranger"))], [false, true]);
});

onThisMachine("a block is ours inside a file that is not, and goes without trace", async (t) => {
  const { apply, phase, at } = setUp(t);
  const theirs = "127.0.0.1 localhost\n";
  writeFileSync(at("hosts"), theirs, { mode: 0o604 });
  chmodSync(at("hosts"), 0o604);
  const given = (line: string) => phase({ files: [textBlock(at("hosts"), line)] });
  t.is(await applyPhase(given("10.0.0.1 pi-1\n"), apply), "pi-1 trial: wrote hosts");
  writeFileSync(at("hosts"), `${readFileSync(at("hosts"), "utf8")}10.0.0.9 printer\n`);
  t.is(await applyPhase(given("10.0.0.1 pi-1\n"), apply), "pi-1 trial: nothing to do");
  t.is(await applyPhase(given("10.0.0.2 pi-1\n"), apply), "pi-1 trial: wrote hosts");
  t.is(readFileSync(at("hosts"), "utf8").match(/pi-1/g)?.length, 1);
  t.is(statSync(at("hosts")).mode & 0o7777, 0o604);
  t.is(await removePhase(given("10.0.0.2 pi-1\n"), apply), "pi-1 trial: removed hosts");
  t.is(readFileSync(at("hosts"), "utf8"), `${theirs}10.0.0.9 printer\n`);
});

onThisMachine("a text that lost its digest on the way is refused", async (t) => {
  const { apply, phase, file, at } = setUp(t);
  const damaged = { ...file("a", "1"), content: "2" };
  await t.throwsAsync(applyPhase(phase({ files: [damaged] }), apply), { instanceOf: UserError });
  t.false(existsSync(at("a")));
});

onThisMachine(
  "removing takes files and empty directories, keeps what others put there, and can be repeated",
  async (t) => {
    const { apply, phase, file, at, noting, owner, records, log } = setUp(t);
    const given = phase({
      files: [file("a", "1")],
      directories: ["empty", "full"].map((name) => ({ path: at(name), mode: "0750", owner })),
      removal: [noting("bye"), { title: "hopeless", run: ["false"], limit: 5, tolerated: true }],
    });
    t.is(await applyPhase(given, apply), `pi-1 trial: wrote a; made ${at("empty")}, ${at("full")}`);
    t.is(statSync(at("full")).mode & 0o7777, 0o750);
    writeFileSync(join(at("full"), "results"), "evidence");
    t.is(await removePhase(given, apply), `pi-1 trial: bye; removed a; kept ${at("full")} (not empty)`);
    t.deepEqual([existsSync(at("a")), existsSync(at("empty")), existsSync(records)], [false, false, false]);
    t.is(readFileSync(join(at("full"), "results"), "utf8"), "evidence");
    t.is(await removePhase(given, apply), "pi-1 trial: bye");
    t.deepEqual(log(), ["bye", "bye"]);
  },
);

onThisMachine("a place where no file can be is an error for people", async (t) => {
  const { apply, phase, file, at } = setUp(t);
  mkdirSync(at("a"));
  await t.throwsAsync(applyPhase(phase({ files: [file("a", "1")] }), apply), {
    instanceOf: UserError,
    message: /^pi-1 trial: .*directory/i,
  });
});

onThisMachine("a step after a file runs too when the phase takes that file away", async (t) => {
  const { apply, phase, file, noting, log, at } = setUp(t);
  const settings = file("settings", "fast");
  const step = noting("applied settings", { after: [at("settings")] });
  await applyPhase(phase({ files: [settings], steps: [step] }), apply);
  await applyPhase(phase({ steps: [step] }), apply);
  t.deepEqual(log(), ["applied settings", "applied settings"]);
  await applyPhase(phase({ steps: [step] }), apply);
  t.is(log().length, 2);
});
