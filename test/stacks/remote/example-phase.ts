import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { ExecutionContext } from "ava";
import { repairReason, type Records } from "../../../stacks/remote/drift.ts";
import { artefactFile, textFile, type Phase, type Step } from "../../../stacks/remote/phase.ts";
import { reportSchema } from "../../../stacks/nodes/facts.ts";
import { root } from "../../../stacks/root.ts";
import { testWithTools } from "../../with-tools.ts";
import { exampleNode, runHere } from "./run-python.ts";

/** A test that runs apply.py on this machine. */
export function onThisMachine(title: string, run: (t: ExecutionContext) => Promise<void>): void {
  testWithTools(["python3"], title, run);
}

/** A node's disk, with a fake systemd, dpkg, apt and K3s whose state lies under `fake`, and phases for it. */
export function setUp(t: ExecutionContext) {
  const fakes = join(root, "test", "fixtures", "node");
  const environment: NodeJS.ProcessEnv = { PATH: `${fakes}${delimiter}${process.env.PATH ?? ""}` };
  const node = exampleNode(t, environment);
  const fake = (name: string) => join(node.directory, "fake", name);
  environment.FAKE_NODE = join(node.directory, "fake");
  for (const name of ["units", "masks", "stale", "broken", "packages", "archive", "conffiles", "mirror"])
    mkdirSync(fake(name), { recursive: true });
  const at = (name: string) => join(node.directory, name);
  const permissions = { mode: "0640", owner: node.owner };
  const phase = (parts: Partial<Phase>): Phase => ({
    node: "pi-1",
    name: "trial",
    files: [],
    directories: [],
    steps: [],
    removal: [],
    ...parts,
  });
  const noting = (title: string, more: Partial<Step> = {}): Step => ({
    title,
    run: ["sh", "-c", `echo ${title} >> ${at("log")}`],
    limit: 10,
    ...more,
  });
  const log = () => (existsSync(at("log")) ? readFileSync(at("log"), "utf8").trim().split("\n") : []);
  const file = (name: string, content: string) => textFile(at(name), content, permissions);
  const artefact = (name: string, content: string) => {
    const source = at(`source-of-${name}`);
    writeFileSync(source, content);
    const sha256 = createHash("sha256").update(content).digest("hex");
    return { source, sha256, managed: artefactFile(at(name), { file: source, sha256 }, permissions) };
  };
  /** What the fakes were told to change. */
  const changes = () => (existsSync(fake("log")) ? readFileSync(fake("log"), "utf8").trim().split("\n") : []);
  const seenRecords = async (): Promise<Records> => {
    const payload = { records: node.records, stamp: "/nonexistent" };
    const program = ["remote/managed.py", "nodes/probe.py"];
    return reportSchema.parse(await runHere(program, payload, { environment })).records;
  };
  const reason = async (given: Phase) => repairReason(given, await seenRecords(), "m");
  return { ...node, at, fake, phase, noting, log, changes, file, artefact, seenRecords, reason };
}

/** Everything that a write would change: inode, times, mode, content. */
export function snapshot(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => {
      const { ino, mtimeMs, ctimeMs, mode } = statSync(join(directory, name));
      return `${name} ${ino} ${mtimeMs} ${ctimeMs} ${mode.toString(8)}`;
    });
}
