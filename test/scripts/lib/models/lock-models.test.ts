import { createHash } from "node:crypto";
import test from "ava";
import { askModels, describeLocked, updatedLock } from "../../../../scripts/lib/models/lock-models.ts";
import { Registries } from "../../../../scripts/lib/bundle/registry.ts";
import { UserError } from "../../../../stacks/user-error.ts";
import { parseModelLock, renderModelLock, type ModelLock } from "../../../../workloads/ollama/model-lock.ts";
import { InputError } from "../../../../workloads/input-error.ts";
import { fakeInternet, serveModel } from "../bundle/fake-internet.ts";

const empty: ModelLock = { schema: 1, models: {} };
const patience = { silence: 2000, tries: 2, pause: 5 };
const registries = () => new Registries(patience, new AbortController().signal);

test("a model is locked as the site's registry has it: digest, size, and what its configuration says", async (t) => {
  const internet = await fakeInternet();
  t.teardown(() => {
    internet.close();
  });
  const digest = serveModel(internet, "gemma3", "270m", Buffer.from("weights"));
  const found = await askModels(["gemma3:270m"], empty, `http://${internet.host}`, registries());
  t.like(found[0], {
    reference: "gemma3:270m",
    before: undefined,
    now: { digest, quantization: null, parameters: null },
  });
  t.true((found[0]?.now.bytes ?? 0) > 7);
  const { manifest = "", ...texts } = found[0]?.now.source ?? {};
  t.deepEqual(texts, { config: '{"model_format":"gguf"}', params: '{"stop":["<end>"]}' });
  t.is(`sha256:${createHash("sha256").update(manifest).digest("hex")}`, digest);
  const lock = updatedLock(empty, found, false);
  t.deepEqual(parseModelLock(renderModelLock(lock)), lock);
  t.is(describeLocked(found[0] ?? t.fail()), `gemma3:270m: ${digest} (0 MB)`);
  const again = await askModels(["gemma3:270m"], lock, `http://${internet.host}`, registries());
  t.is(describeLocked(again[0] ?? t.fail()), `gemma3:270m: unchanged, ${digest}`);
});

test("a model that is another one now is refused by its name, and taken when that is wanted", async (t) => {
  const internet = await fakeInternet();
  t.teardown(() => {
    internet.close();
  });
  serveModel(internet, "gemma3", "270m", Buffer.from("weights"));
  const lock = updatedLock(
    empty,
    await askModels(["gemma3:270m"], empty, `http://${internet.host}`, registries()),
    false,
  );
  const digest = serveModel(internet, "gemma3", "270m", Buffer.from("other weights"));
  const found = await askModels(["gemma3:270m"], lock, `http://${internet.host}`, registries());
  t.throws(() => updatedLock(lock, found, false), {
    instanceOf: UserError,
    message:
      /^models\.lock\.json: the registry has other models now.*gemma3:270m: changed from sha256:.* to sha256:.*--update/s,
  });
  t.is(updatedLock(lock, found, true).models["gemma3:270m"]?.digest, digest);
});

test("other models' entries stay, and the file is sorted", (t) => {
  const entry = { digest: `sha256:${"a".repeat(64)}`, bytes: 1, quantization: null, parameters: null };
  const lock = updatedLock(
    { schema: 1, models: { "z:1": entry } },
    [{ reference: "a:1", now: entry, before: undefined }],
    false,
  );
  t.regex(renderModelLock(lock), /"a:1".*"z:1"/s);
});

test("no file is an empty lock, and one that can't be read is told of", (t) => {
  t.deepEqual(parseModelLock(undefined), empty);
  for (const text of ["", "{}", '{"schema":2,"models":{}}'])
    t.throws(() => parseModelLock(text), { instanceOf: InputError, message: /^models\.lock\.json: can't be read/ });
});
