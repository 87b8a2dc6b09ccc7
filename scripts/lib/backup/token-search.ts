import { createHash } from "node:crypto";
import type { SiteKeys } from "../../../stacks/keys/site-keys.ts";

/**
 * Finds out which generation of the server token a snapshot needs. K3s keeps what a restore needs under a key that names the token
 * it is encrypted with: /bootstrap/ and 12 digits of the token's SHA-256 (storageKey in k3s-io/k3s, pkg/cluster/encrypt.go). etcd
 * stores a key in clear inside of its value, in one piece (mvccpb.KeyValue in a page of bbolt and those that follow it), and pages
 * that are free now still hold former keys. So the newest generation of those found counts: generations only go up.
 */
export class TokenSearch {
  readonly #wanted: { readonly generation: number; readonly key: Buffer }[];
  readonly #found: number[] = [];
  #foundAny = false;
  #end: Buffer = Buffer.alloc(0);

  constructor(tokens: SiteKeys["tokens"]) {
    this.#wanted = tokens.map(({ generation, server }) => ({ generation, key: bootstrapKey(server) }));
  }

  /** The next bytes of the snapshot. */
  add(bytes: Buffer): void {
    const text = Buffer.concat([this.#end, bytes]);
    for (const { generation, key } of this.#wanted) if (text.includes(key)) this.#found.push(generation);
    this.#foundAny ||= anyKey.test(text.toString("latin1"));
    // A key may lie across two pieces.
    this.#end = Buffer.from(text.subarray(Math.max(0, text.length - keyLength + 1)));
  }

  /** The newest generation that was found; undefined where none was. */
  get generation(): number | undefined {
    return this.#found.length === 0 ? undefined : Math.max(...this.#found);
  }

  /** Whether such a key was found, be it of one of these tokens or not. */
  get foundAny(): boolean {
    return this.#foundAny;
  }
}

const prefix = "/bootstrap/";
const keyLength = prefix.length + 12;
const anyKey = /\/bootstrap\/[0-9a-f]{12}/;

function bootstrapKey(token: string): Buffer {
  return Buffer.from(prefix + createHash("sha256").update(token).digest("hex").slice(0, 12));
}
