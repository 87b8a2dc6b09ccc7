import type { ExecutionContext } from "ava";
import type { z } from "zod";
import { reportSchema } from "../../../stacks/nodes/facts.ts";
import { runHere } from "../remote/run-python.ts";
import { plant, type Tree } from "./board.ts";

type Report = z.infer<typeof reportSchema>;

/** What the probe says of this machine, or of the one whose files lie under `root`. */
export async function probe(records: string, stamp = "/nonexistent", root = ""): Promise<Report> {
  return reportSchema.parse(await runHere(["remote/managed.py", "nodes/probe.py"], { records, stamp, root }));
}

/** What the probe says of a made-up machine. */
export async function probeBoard(t: ExecutionContext, ...trees: readonly Tree[]): Promise<Report> {
  return await probe("/nonexistent", "/nonexistent", plant(t, ...trees));
}
