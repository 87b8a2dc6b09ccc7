import { z } from "zod";
import { InputError } from "../input-error.ts";

/** What is known of a model that was locked. */
const lockedSchema = z.strictObject({
  /** SHA-256 of its manifest, as /api/tags reports it. */
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  /** What it takes on a disk. */
  bytes: z.int().min(0),
  /** As its own configuration says: for example Q4_K_M and 268.10M; null where it does not. */
  quantization: z.string().nullable(),
  parameters: z.string().nullable(),
  /** Its texts, byte by byte: what a site makes a served model of. Locks of earlier versions have none. */
  source: z
    .strictObject({ manifest: z.string(), config: z.string(), params: z.string().nullable() })
    .nullable()
    .optional(),
});
export type LockEntry = z.infer<typeof lockedSchema>;

const lockSchema = z.strictObject({ schema: z.literal(1), models: z.record(z.string(), lockedSchema) });

/** models.lock.json: what each reference was when it was locked. */
export type ModelLock = z.infer<typeof lockSchema>;

/** The lock's file, in the project's root. It is committed: it says what an experiment measures. */
export const modelLockName = "models.lock.json";

/** @param text the lock file's; undefined where there is none yet. @throws InputError */
export function parseModelLock(text: string | undefined): ModelLock {
  if (text === undefined) return { schema: 1, models: {} };
  try {
    return lockSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new InputError(
      {
        where: modelLockName,
        what: "can't be read",
        next: "restore it from git, or lock the models anew: npm run models -- lock <stack>",
      },
      { cause: error },
    );
  }
}

/** The lock as a file: sorted, so that it changes only where a model does. */
export function renderModelLock({ models }: ModelLock): string {
  const sorted = Object.fromEntries(Object.entries(models).sort(([a], [b]) => (a < b ? -1 : 1)));
  return `${JSON.stringify({ schema: 1, models: sorted }, null, 2)}\n`;
}
