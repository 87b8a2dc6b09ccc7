import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { modelLockName, parseModelLock, type ModelLock } from "../workloads/ollama/model-lock.ts";
import type { Plan } from "../workloads/benchmark/plan.ts";
import type { Experiment } from "./config/experiment.ts";
import { root } from "./root.ts";
import { UserError } from "./user-error.ts";

/** A model with its digest, and what it takes on a disk where the lock says that. */
export interface LockedModel {
  readonly reference: string;
  readonly digest: string;
  readonly bytes: number | null;
}

/** The project's lock of models; an empty one where there is no file. @throws InputError where it can't be read */
export function readModelLock(directory: string = root): ModelLock {
  const file = join(directory, modelLockName);
  return parseModelLock(existsSync(file) ? readFileSync(file, "utf8") : undefined);
}

/**
 * Models by their names, each with the digest that its configuration fixes, or that the lock has.
 * @throws UserError naming every model that is locked nowhere
 */
export function lockedModels(
  models: Experiment["models"],
  lock: ModelLock = readModelLock(),
): Record<string, LockedModel> {
  const unlocked = Object.values(models).filter(
    ({ reference, digest }) => digest === undefined && lock.models[reference] === undefined,
  );
  if (unlocked.length > 0)
    throw new UserError({
      what: `${unlocked.map(({ reference }) => reference).join(", ")} ${unlocked.length === 1 ? "is" : "are"} not locked: nobody knows which model the name will mean`,
      where: modelLockName,
      next: "npm run models -- lock <stack>",
    });
  return Object.fromEntries(
    Object.entries(models).map(([name, { reference, digest = lock.models[reference]?.digest ?? "" }]) => {
      const entry = lock.models[reference];
      return [name, { reference, digest, bytes: entry?.digest === digest ? entry.bytes : null }];
    }),
  );
}

/** Models as a plan has them. */
export function planModels(models: Readonly<Record<string, LockedModel>>): Plan["models"] {
  return Object.fromEntries(
    Object.entries(models).map(([name, { reference, digest }]) => [name, { reference, digest }]),
  );
}
