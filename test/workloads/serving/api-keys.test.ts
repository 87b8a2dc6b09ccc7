import test from "ava";
import fc from "fast-check";
import { hashApiKey, renderApiClients } from "../../../workloads/serving/api-keys.ts";
import { exampleClients, exampleKey } from "./example-proxy.ts";

test("the map has a line for each client, in an order that does not depend on theirs", (t) => {
  const text = renderApiClients(exampleClients);
  t.regex(text, /^[0-9a-f]{64} (alice|web-ui)\n[0-9a-f]{64} (alice|web-ui)\n$/);
  t.is(renderApiClients(Object.fromEntries(Object.entries(exampleClients).reverse())), text);
  t.false(text.includes(exampleKey));
  t.is(renderApiClients({}), "");
});

test("a hash is the plain SHA-256, as the proxy computes it", (t) => {
  t.is(hashApiKey("a".repeat(32)), "3ba3f5f43b92602683c19aee62a20342b084dd5971ddd33808d81a328879a547");
});

test("a key that could be guessed, or that no header carries, is refused", (t) => {
  for (const key of ["", "short", "x".repeat(31), `${"x".repeat(40)} `, `${"x".repeat(40)}\n`, "ü".repeat(40)])
    t.throws(() => hashApiKey(key), { message: /an API key has 32 to 256/ }, JSON.stringify(key));
});

test("a client's name that would break the map is refused", (t) => {
  fc.assert(
    fc.property(fc.string(), (name) => {
      const render = () => renderApiClients({ [name]: "a".repeat(64) });
      if (/^[a-z][a-z0-9-]{0,62}$/.test(name)) t.is(render(), `${"a".repeat(64)} ${name}\n`);
      else t.throws(render, { message: /is no name of an API client/ });
    }),
  );
});

test("two clients with one key are refused, since nobody could tell them apart, and so is what is no hash", (t) => {
  t.throws(() => renderApiClients({ one: "a".repeat(64), two: "a".repeat(64) }), { message: /the same key/ });
  t.throws(() => renderApiClients({ one: exampleKey }), { message: /the hash of one's API key is no SHA-256/ });
});
