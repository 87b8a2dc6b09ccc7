import test from "ava";
import fc from "fast-check";
import { TokenSearch } from "../../../../scripts/lib/backup/token-search.ts";
import { deriveSiteKeys } from "../../../../stacks/keys/site-keys.ts";
import { exampleRootSecret } from "../../../stacks/keys/example.ts";
import { bootstrapKey, bytesOf, site } from "./example-backup.ts";

const { tokens } = deriveSiteKeys(exampleRootSecret, { ...site, k3s: { ...site.k3s, tokenGeneration: 3 } });
const keyOf = (generation: number) =>
  bootstrapKey(tokens.find((token) => token.generation === generation)?.server ?? "");

/** Bytes with keys at these places, handed over in pieces of these sizes. */
function search(length: number, keys: readonly [at: number, key: string][], sizes: readonly number[]): TokenSearch {
  const bytes = bytesOf("pages", length);
  for (const [at, key] of keys) bytes.write(key, at, "latin1");
  const searched = new TokenSearch(tokens);
  let from = 0;
  for (const size of [...sizes, length]) {
    searched.add(bytes.subarray(from, from + size));
    from += size;
  }
  return searched;
}

test("finds the token's generation wherever the pieces end", (t) => {
  fc.assert(
    fc.property(
      fc.nat(1000 - 23),
      fc.constantFrom(1, 2, 3),
      fc.array(fc.integer({ min: 0, max: 90 })),
      (at, generation, sizes) => {
        const searched = search(1000, [[at, keyOf(generation)]], sizes);
        t.is(searched.generation, generation);
        t.true(searched.foundAny);
      },
    ),
  );
});

test("of several, the newest counts: pages that are free still hold former keys", (t) => {
  t.is(
    search(
      4096,
      [
        [100, keyOf(2)],
        [900, keyOf(3)],
        [2000, keyOf(1)],
      ],
      [512],
    ).generation,
    3,
  );
});

test("a key of a token that is none of these is told from no key", (t) => {
  const foreign = search(4096, [[2000, "/bootstrap/0123456789ab"]], [2010]);
  t.is(foreign.generation, undefined);
  t.true(foreign.foundAny);
  const none = search(4096, [[2000, "/bootstrap/lock"]], []);
  t.is(none.generation, undefined);
  t.false(none.foundAny);
});
