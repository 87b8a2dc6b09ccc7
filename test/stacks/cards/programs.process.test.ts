import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import type { CheckCardInput } from "../../../stacks/cards/check-card.ts";
import type { ScrubInput } from "../../../stacks/cards/scrub-card.ts";
import { endpointOf } from "../../../stacks/remote/site-endpoint.ts";
import { root } from "../../../stacks/root.ts";
import { exampleRootSecret, exampleSite } from "../keys/example.ts";
import { exampleFacts, exampleReport } from "../nodes/example-report.ts";

const site = exampleSite();
const keys = deriveSiteKeys(exampleRootSecret, site);
const endpoint = endpointOf(site, "pi-2", keys);
const card = { site: "barn", node: "pi-2", generation: 3 };
const stamp = { ...card, system: "ubuntu", digest: "a".repeat(64), parts: {} };
const check: CheckCardInput = { endpoint, stack: "barn-1", card, expect: {}, bootSeconds: 0 };

/** Runs a program as Pulumi does, with an ssh that answers each command with this, or does not get through. */
function runProgram(t: ExecutionContext, program: string, input: unknown, answer: unknown) {
  const directory = mkdtempSync(join(tmpdir(), "bramble-program-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  writeFileSync(join(directory, "answer"), JSON.stringify(answer ?? null));
  const ssh = `#!/bin/sh
printf '%s\\n' "$*" >> ${directory}/argv
for word in "$@"; do
  case "$last" in -S) socket=$word ;; -E) log=$word ;; esac
  case "$word" in ControlPath=*) socket=\${word#*=} ;; check) [ -e "$socket" ]; exit ;; exit) exit ;; -f) master=yes ;; esac
  last=$word
done
if [ -n "$master" ]; then
  ${answer === undefined ? 'echo "ssh: connect to host 192.168.7.12 port 22: No route to host" > "$log"; exit 255' : ': > "$socket"; exit'}
fi
cat > ${directory}/stdin
cat ${directory}/answer
`;
  writeFileSync(join(directory, "ssh"), ssh, { mode: 0o755 });
  const { status, stdout, stderr } = spawnSync(process.execPath, [program], {
    cwd: join(root, "stacks"),
    input: JSON.stringify(input),
    encoding: "utf8",
    env: { ...process.env, PATH: `${directory}${delimiter}${process.env.PATH ?? ""}`, XDG_RUNTIME_DIR: directory },
  });
  return { status, stdout, stderr, sent: (name: "argv" | "stdin") => readFileSync(join(directory, name), "utf8") };
}

// What the probe prints: how far the clock is off, only who asked can tell.
const report = { ...exampleReport({ stamp }), clockSkew: undefined };

test("a node with its card: its facts are printed", (t) => {
  const { status, stdout, stderr } = runProgram(t, "cards/check-card.ts", check, report);
  t.deepEqual([status, stderr], [0, ""]);
  t.deepEqual(JSON.parse(stdout), exampleFacts());
});

test("the card of another generation fails, with the command that writes the right one", (t) => {
  const other = { ...report, stamp: { ...stamp, generation: 2 } };
  const { status, stdout, stderr } = runProgram(t, "cards/check-card.ts", check, other);
  t.deepEqual([status, stdout], [1, ""]);
  t.regex(
    stderr,
    /^pi-2: needs its card of generation 3: the board runs generation 2\n.*npm run flash -- barn-1 pi-2\n$/,
  );
});

test("an adopted node has no card, but must be the board that is expected", (t) => {
  const adopted = { ...check, card: undefined };
  const bare = { ...report, stamp: null };
  t.is(runProgram(t, "cards/check-card.ts", adopted, bare).status, 0);
  const expect = { serial: "2000" };
  const { status, stderr } = runProgram(t, "cards/check-card.ts", { ...adopted, expect }, bare);
  t.is(status, 1);
  t.regex(stderr, /^pi-2: is not the board that the configuration expects: serial is 10000000aabbccdd, not 2000\n/);
});

test("a node that does not answer is waited for as long as the configuration says", (t) => {
  const { status, stderr } = runProgram(t, "cards/check-card.ts", check, undefined);
  t.is(status, 1);
  t.regex(stderr, /^pi-2: after 0 s still no answer on 192\.168\.7\.12:22/);
});

const secret = "a secret of the first boot's";
const scrub: ScrubInput = { endpoint, instance: "barn-pi-2-3", secrets: [secret] };

test("scrubbing prints one line, and secrets go through stdin alone", (t) => {
  const answer = { done: "now", wiped: ["/boot/firmware/user-data"], device: null, bytes: 0, left: [] };
  const { status, stdout, stderr, sent } = runProgram(t, "cards/scrub-card.ts", scrub, answer);
  t.deepEqual([status, stderr], [0, ""]);
  t.is(stdout, "pi-2: took its secrets off user-data; none is left in cloud-init's files\n");
  t.true(sent("stdin").includes(secret));
  t.false(sent("argv").includes(secret));
});

test("secrets that are left are a failure that does not name them", (t) => {
  const answer = { done: "now", wiped: [], device: "/dev/mmcblk0p1", bytes: 1, left: ["/dev/mmcblk0p1"] };
  const { status, stdout, stderr } = runProgram(t, "cards/scrub-card.ts", scrub, answer);
  t.deepEqual([status, stdout], [1, ""]);
  t.regex(stderr, /^pi-2: secrets of its first boot are still on its card: \/dev\/mmcblk0p1\n {2}Next: /);
});
