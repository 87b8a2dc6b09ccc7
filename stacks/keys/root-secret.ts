import { randomBytes } from "node:crypto";
import { UserError } from "../user-error.ts";

const length = 32;
const fewestDistinctBytes = 16;

/** A new root secret: 32 random bytes as 64 hexadecimal digits. */
export function generateRootSecret(): string {
  return randomBytes(length).toString("hex");
}

/**
 * The 32 bytes of `bramble:rootSecret`. White space around it is ignored, since a pipe adds a line end.
 * @throws UserError when it has another form, or is too regular to have come from a random generator; the text itself is never shown
 */
export function parseRootSecret(text: string): Buffer {
  const digits = text.trim();
  if (!/^[0-9a-fA-F]{64}$/.test(digits))
    throw problem(`is not 64 hexadecimal digits (it has ${digits.length} characters)`);
  const bytes = Buffer.from(digits, "hex");
  // 32 random bytes hold about 30 distinct values; fewer than 16 happen once in more than 2^60 tries, typed-in patterns always.
  if (new Set(bytes).size < fewestDistinctBytes) throw problem("repeats itself too much to be random");
  return bytes;
}

function problem(what: string): UserError {
  return new UserError({
    what,
    where: "bramble:rootSecret",
    next: "make a new one with `openssl rand -hex 32 | npm run --silent pulumi -- config set --secret bramble:rootSecret` (for a site that already runs, restore the old one: every key is derived from it)",
  });
}
