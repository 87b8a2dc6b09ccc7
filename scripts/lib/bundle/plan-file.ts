import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { lengthOf, type Advice } from "../../../stacks/download.ts";
import { root } from "../../../stacks/root.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { stagedAt, wholeEntry, wholeItem, type Item, type Plan } from "./item.ts";
import type { FileNeed } from "./needs.ts";
import type { ReleaseSums } from "./release-sums.ts";

/** What a person is told of a file of a bundle that can't be had. */
export function adviceFor(name: string): Advice {
  return {
    file: name,
    expectedBy: "the config says",
    otherDigest: "compare both with what the publisher says, and correct url or sha256 in the site's config",
    refused: "correct url in the site's config, or fetch it by hand and set file in its place",
    redirected: "set url to where the file itself is",
    noRoom: "free space on this disk and run the command again: it goes on where it stopped",
  };
}

/** @throws UserError when it is not there, or is not what K3s's release says */
export async function planFile(need: FileNeed, plan: Plan, sums: ReleaseSums): Promise<Item> {
  const { kind, name, source, sha256, from } = need;
  const whole = await wholeEntry(plan, (entry) => entry.name === name && entry.sha256 === sha256);
  if (whole !== undefined) return wholeItem({ ...whole, kind, source });
  if ("url" in from) await sums.check(from.url, sha256);
  const bytes = await bytesOf(need, plan);
  return {
    ...{ kind, name, source, bytes },
    fetches: [{ sha256, bytes, from: "file" in from ? { file: resolve(root, from.file) } : from }],
    take: async () => {
      const file = stagedAt(plan, sha256);
      return { file, entry: { kind, name, source, bytes: (await stat(file)).size, sha256 } };
    },
  };
}

async function bytesOf({ from, source }: FileNeed, plan: Plan): Promise<number | undefined> {
  if ("url" in from)
    return await lengthOf({ url: from.url, advice: adviceFor(basename(from.url)) }, plan.signal, plan.patience);
  try {
    return (await stat(resolve(root, from.file))).size;
  } catch (error) {
    throw new UserError(
      {
        what: `can't be read (${error instanceof Error ? error.message : String(error)})`,
        where: source,
        next: "put the file there, or correct the site's config",
      },
      { cause: error },
    );
  }
}
