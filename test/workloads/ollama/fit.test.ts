import test from "ava";
import fc from "fast-check";
import { catalogue } from "../../../workloads/ollama/catalogue.ts";
import { demandOf, describeMisfit, fitOf, keyValueBytes, type Tenant } from "../../../workloads/ollama/fit.ts";

const mebibyte = 1024 ** 2;
const tenant = (reference: string, changes: Partial<Tenant> = {}): Tenant => ({
  ...{ owner: "threads-4", reference, entry: catalogue[reference], weights: catalogue[reference]?.bytes ?? null },
  ...{ context: 2048, parallel: 1, kvCache: "f16", promptCache: 0 },
  ...changes,
});

test("every model of the catalogue has a plausible size: two to seventeen bits a parameter", (t) => {
  t.true(Object.keys(catalogue).length >= 20);
  for (const [reference, { bytes, parameters }] of Object.entries(catalogue)) {
    const bits = (bytes * 8) / parameters;
    t.true(bits > 2 && bits < 17, `${reference}: ${bits}`);
  }
});

test("the KV cache is keys and values of each layer and token, for each request at once", (t) => {
  // Llama 3.2 1B: 16 layers x 8 heads x 64 x 2 (keys and values) x 2 bytes = 32 KiB a token.
  const llama = catalogue["llama3.2:1b"];
  if (llama === undefined) return t.fail();
  t.is(keyValueBytes(llama, { context: 1024, parallel: 1, kvCache: "f16" }), 32 * mebibyte);
  t.is(keyValueBytes(llama, { context: 1024, parallel: 4, kvCache: "f16" }), 128 * mebibyte);
  t.is(keyValueBytes(llama, { context: 1024, parallel: 1, kvCache: "q8_0" }), 17 * mebibyte);
  return undefined;
});

test("layers with a window stop growing where it ends", (t) => {
  const gemma = catalogue["gemma3:270m"];
  if (gemma === undefined) return t.fail();
  const bytes = (context: number) => keyValueBytes(gemma, { context, parallel: 1, kvCache: "f16" });
  t.is(bytes(512), 18 * 512 * 1024);
  t.is(bytes(2048), (3 * 2048 + 15 * 512) * 1024);
  return undefined;
});

test("a longer context never takes less", (t) => {
  const references = fc.constantFrom(...Object.keys(catalogue));
  fc.assert(
    fc.property(references, fc.integer({ min: 128, max: 100_000 }), fc.nat(10_000), (reference, context, more) => {
      const known = (tokens: number) => demandOf(tenant(reference, { context: tokens })).known;
      t.true(known(context + more) >= known(context));
    }),
  );
});

test("the context that is suggested fits, and the next step would not", (t) => {
  const references = fc.constantFrom(...Object.keys(catalogue));
  fc.assert(
    fc.property(references, fc.integer({ min: 1, max: 20_000 }), (reference, room) => {
      const allocatable = room * mebibyte;
      const asked = tenant(reference, { context: 32_768 });
      const { fits, largestContext } = fitOf(allocatable, [asked]);
      if (fits || largestContext === null) return;
      t.true(fitOf(allocatable, [{ ...asked, context: largestContext }]).fits);
      t.false(fitOf(allocatable, [{ ...asked, context: largestContext + 256 }]).fits);
    }),
  );
});

test("all that lives on a node counts, and a misfit says its numbers and what would fit", (t) => {
  const tenants = [tenant("llama3.2:3b", { owner: "site" }), tenant("qwen3:4b", { context: 40_960 })];
  const fit = fitOf(8059 * mebibyte, tenants);
  t.false(fit.fits);
  const text = describeMisfit("pi-2", fit);
  t.regex(text, /^pi-2 has 8059 MiB, and these take \d+ MiB:\n/);
  t.true(
    text.includes("  - llama3.2:3b of site: weights 1926 MiB, cache 224 MiB (context 2048), other 481 MiB\n"),
    text,
  );
  t.regex(text, /a context of \d+ tokens would fit; qwen3:0\.6b would fit$/);
  t.true(fitOf(8059 * mebibyte, [tenants[0] ?? tenant("x"), tenant("qwen3:4b")]).fits);
});

test("a model that is larger than the node fits with no context", (t) => {
  const fit = fitOf(4096 * mebibyte, [tenant("llama3:8b")]);
  t.is(fit.largestContext, null);
  t.is(fit.smaller, null);
  t.is(fitOf(1600 * mebibyte, [tenant("llama3.2:1b")]).smaller, "llama3.2:1b-instruct-q4_K_M");
  t.true(describeMisfit("pi-2", fit).endsWith("take a smaller quantisation or model, or another node"));
});

test("of a model that nobody knows the cache is not known, and not guessed", (t) => {
  const unknown = tenant("mystery:1b", { entry: undefined, weights: 700 * mebibyte });
  t.like(demandOf(unknown), { weights: 700 * mebibyte, cache: null });
  t.true(describeMisfit("pi-2", fitOf(512 * mebibyte, [unknown])).includes("cache unknown"));
});
