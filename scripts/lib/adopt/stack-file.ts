import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { isMap, parseDocument } from "yaml";
import { UserError } from "../../../stacks/user-error.ts";

/** What a stack's file says of an adopted node; undefined: the site's own value counts. */
export interface AdoptedNode {
  readonly hostKey: string;
  readonly user: string | undefined;
  readonly port: number | undefined;
}

/**
 * Puts an adopted node into a stack's file: the new text, with all comments and in the old order.
 * @throws UserError when the file does not hold the node
 */
export function withAdoptedNode(text: string, file: string, node: string, adopted: AdoptedNode): string {
  const document = parseDocument(text);
  const path = ["config", "bramble:site", "nodes", node];
  if (document.errors.length > 0 || !isMap(document.getIn(path)))
    throw new UserError({
      what: `does not hold ${path.join(".")} as a map`,
      where: file,
      next: "write the node there first, with its role and address",
    });
  const { hostKey, user, port } = adopted;
  for (const [key, value] of Object.entries({ hostKey, user, port }))
    if (value === undefined) document.deleteIn([...path, key]);
    else document.setIn([...path, key], value);
  return document.toString({ lineWidth: 0 });
}

/** Replaces a file at once: whoever reads it sees the old text or the new one. */
export function replaceFile(file: string, text: string): void {
  const temporary = `${file}.bramble-new`;
  writeFileSync(temporary, text, { mode: statSync(file).mode & 0o777, flush: true });
  renameSync(temporary, file);
}

/** As `withAdoptedNode`, on the file itself; true if anything changed. */
export function writeAdoptedNode(file: string, node: string, adopted: AdoptedNode): boolean {
  const before = readFileSync(file, "utf8");
  const after = withAdoptedNode(before, file, node, adopted);
  if (after === before) return false;
  replaceFile(file, after);
  return true;
}
