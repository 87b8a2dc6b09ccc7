import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { root } from "../../stacks/root.ts";
import { UserError } from "../../stacks/user-error.ts";
import { writeWhole } from "./results/seal.ts";

/** What a person asks of an experiment beside bringing it up. */
export const changes = ["again", "pause", "resume", "cancel"] as const;
export type Change = (typeof changes)[number];

const states = { again: undefined, pause: "paused", resume: undefined, cancel: "cancelled" } as const;

/**
 * An experiment's stack file after a change: `again` raises its series, the others set its state. Comments and everything
 * else stay as they are.
 * @throws UserError where the file describes no experiment
 */
export function changedExperiment(text: string, change: Change, where: string): string {
  const document = parseDocument(text);
  const path = ["config", "bramble:experiment"];
  if (!document.hasIn(path))
    throw new UserError({
      what: `is no experiment, which alone can be measured again, paused, resumed or cancelled`,
      where,
      next: "name an experiment's stack",
    });
  if (change === "again") document.setIn([...path, "series"], Number(document.getIn([...path, "series"]) ?? 1) + 1);
  const state = states[change];
  if (state === undefined) document.deleteIn([...path, "state"]);
  else document.setIn([...path, "state"], state);
  return document.toString({ lineWidth: 0 });
}

/** Writes the change into the stack's file. @throws UserError where there is no such file, or it is no experiment's */
export async function changeExperiment(stack: string, change: Change): Promise<void> {
  const name = `Pulumi.${stack}.yaml`;
  const file = join(root, name);
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new UserError({ what: "cannot be read", where: name, next: "name an experiment's stack" }, { cause: error });
  });
  await writeWhole(file, changedExperiment(text, change, name));
}
