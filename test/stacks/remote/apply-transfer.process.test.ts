import { createHash } from "node:crypto";
import { chmodSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import {
  applyPhase,
  removePhase,
  sendArtefacts,
  type Apply,
  type ArtefactBytes,
} from "../../../stacks/remote/apply-phase.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { onThisMachine, setUp } from "./example-phase.ts";

/** The same node, noting from which byte on each artefact is sent; `replace` puts other bytes on their way. */
function watched(apply: Apply, replace: (bytes: ArtefactBytes) => ArtefactBytes = (bytes) => bytes) {
  const starts: number[] = [];
  const watching: Apply = (payload, bytes) => {
    if (bytes !== undefined) starts.push(bytes.start);
    return apply(payload, bytes && replace(bytes));
  };
  return { starts, apply: watching };
}

const traces = (directory: string) => readdirSync(directory).filter((name) => name.includes("bramble"));

onThisMachine("an artefact is sent once, and only with its digest", async (t) => {
  const { apply, phase, artefact, at, directory } = setUp(t);
  const big = artefact("image.tar", "i".repeat(2_000_000));
  const watch = watched(apply);
  const given = phase({ files: [big.managed] });
  t.is(await applyPhase(given, watch.apply), "pi-1 trial: wrote image.tar (2 MB)");
  t.is(await applyPhase(given, watch.apply), "pi-1 trial: nothing to do");
  chmodSync(at("image.tar"), 0o600);
  t.is(await applyPhase(given, watch.apply), "pi-1 trial: wrote image.tar (2 MB)");
  t.deepEqual(watch.starts, [0]);
  t.is(statSync(at("image.tar")).mode & 0o7777, 0o640);
  t.deepEqual(traces(directory), []);
});

onThisMachine("an artefact can be sent ahead: what was there stays in place until the phase is applied", async (t) => {
  const { apply, phase, artefact, at, directory } = setUp(t);
  const old = artefact("k3s", "k".repeat(1_000_000));
  await applyPhase(phase({ files: [old.managed] }), apply);
  const given = phase({ files: [artefact("k3s", "n".repeat(1_500_000)).managed] });
  const watch = watched(apply);
  await sendArtefacts(given, watch.apply);
  t.is(readFileSync(at("k3s"), "utf8")[0], "k");
  await sendArtefacts(given, watch.apply);
  t.is(await applyPhase(given, watch.apply), "pi-1 trial: wrote k3s (2 MB)");
  t.is(readFileSync(at("k3s"), "utf8")[0], "n");
  t.deepEqual(watch.starts, [0], "sent once");
  t.deepEqual(traces(directory), []);
});

onThisMachine("an artefact that is not what its digest says never leaves this machine", async (t) => {
  const { apply, phase, artefact, at } = setUp(t);
  const { source, sha256, managed } = artefact("k3s", "as published");
  writeFileSync(source, "tampered");
  const actual = createHash("sha256").update("tampered").digest("hex");
  await t.throwsAsync(applyPhase(phase({ files: [managed] }), apply), {
    instanceOf: UserError,
    message: new RegExp(`${source}: has sha256 ${actual}, but the configuration says ${sha256}`),
  });
  t.false(existsSync(at("k3s")));
});

onThisMachine("an interrupted transfer goes on where it ended", async (t) => {
  const { apply, phase, artefact, at, directory } = setUp(t);
  const { managed } = artefact("k3s", "whole and long");
  writeFileSync(at("cut"), "whole a");
  const cutting = watched(apply, ({ start }) => ({ source: at("cut"), start }));
  const given = phase({ files: [managed] });
  await t.throwsAsync(applyPhase(given, cutting.apply), {
    instanceOf: UserError,
    message: /received 7 of 14 bytes of .*k3s\n {2}Next: run `pulumi up` again: it goes on from there/,
  });
  t.false(existsSync(at("k3s")));
  const whole = watched(apply);
  t.is(await applyPhase(given, whole.apply), "pi-1 trial: wrote k3s");
  t.deepEqual(whole.starts, [7]);
  t.is(readFileSync(at("k3s"), "utf8"), "whole and long");
  t.deepEqual(traces(directory), []);
});

onThisMachine("what arrived of another version is not gone on with", async (t) => {
  const { apply, phase, artefact, at, directory } = setUp(t);
  const older = artefact("k3s", "the older version").managed;
  writeFileSync(at("cut"), "the");
  const cutting = watched(apply, ({ start }) => ({ source: at("cut"), start }));
  await t.throwsAsync(applyPhase(phase({ files: [older] }), cutting.apply));
  const watch = watched(apply);
  await applyPhase(phase({ files: [artefact("k3s", "the newer version").managed] }), watch.apply);
  t.deepEqual(watch.starts, [0]);
  t.is(readFileSync(at("k3s"), "utf8"), "the newer version");
  t.deepEqual(traces(directory), []);
});

onThisMachine("bytes that were damaged are thrown away and sent once more from the beginning", async (t) => {
  const { apply, phase, artefact, at } = setUp(t);
  const { managed } = artefact("k3s", "whole and long");
  writeFileSync(at("cut"), "WHOLE a");
  const given = phase({ files: [managed] });
  await t.throwsAsync(applyPhase(given, watched(apply, ({ start }) => ({ source: at("cut"), start })).apply));
  const whole = watched(apply);
  t.is(await applyPhase(given, whole.apply), "pi-1 trial: wrote k3s");
  t.deepEqual(whole.starts, [7, 0]);
  t.is(readFileSync(at("k3s"), "utf8"), "whole and long");
});

onThisMachine("bytes that arrive damaged twice are refused, and leave nothing behind", async (t) => {
  const { apply, phase, artefact, at, directory } = setUp(t);
  const { sha256, managed } = artefact("k3s", "whole");
  writeFileSync(at("damaged"), "WHOLE");
  const damaging = watched(apply, ({ start }) => ({ source: at("damaged"), start }));
  await t.throwsAsync(applyPhase(phase({ files: [managed] }), damaging.apply), {
    instanceOf: UserError,
    message: new RegExp(`received sha256 [0-9a-f]{64} instead of ${sha256}, twice`),
  });
  t.deepEqual(damaging.starts, [0, 0]);
  t.deepEqual([existsSync(at("k3s")), ...traces(directory)], [false]);
});

onThisMachine("what arrived of an artefact goes with its phase, with the directories made for it", async (t) => {
  const { apply, phase, artefact, at } = setUp(t);
  const { managed } = artefact("k3s", "whole and long");
  writeFileSync(at("cut"), "whole a");
  const given = phase({ files: [{ ...managed, path: at("lib/bin/k3s") }] });
  await t.throwsAsync(applyPhase(given, watched(apply, ({ start }) => ({ source: at("cut"), start })).apply));
  t.true(existsSync(at("lib/bin")));
  await removePhase(given, apply);
  t.false(existsSync(at("lib")));
});
