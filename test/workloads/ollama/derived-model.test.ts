import { createHash } from "node:crypto";
import test from "ava";
import fc from "fast-check";
import { InputError } from "../../../workloads/input-error.ts";
import { deriveModel, type BaseModel } from "../../../workloads/ollama/derived-model.ts";
import { baseModel, without } from "./base-model.ts";

const parameters = { num_ctx: 4096, num_thread: 4 };
const assistant = { reference: "assistant:latest", parameters, system: null };

test("the digest is the one that Ollama 0.17.4's own create gave", (t) => {
  // FROM gemma3:270m, PARAMETER num_ctx 4096, PARAMETER num_thread 4; `ollama create plain`
  const derived = deriveModel(baseModel, { ...assistant, reference: "plain:latest" });
  t.is(derived.digest, "sha256:e321ce4ca9a44d687fedb04945091510b8db363590b5a38fb6ad335488e40549");
  t.is(derived.manifest.path, "manifests/registry.ollama.ai/library/plain/latest");
  t.deepEqual(
    derived.blobs.map(({ digest }) => digest),
    [
      "sha256:ab6627e7ecc4f26f22b76d9e5cff184f138dd3753275a0a8780ddb9c42082aa7",
      "sha256:acd00ad835d1dfb7bb4e1992de731f4b5e4634298f815bd3a1477869a9f87e20",
    ],
  );
});

test("so it is with a system prompt, stop sequences that HTML would escape, and a parameter that the base has too", (t) => {
  const derived = deriveModel(baseModel, {
    reference: "assistant:latest",
    system: 'You answer <briefly> & "well" — señor.',
    parameters: { num_ctx: 4096, num_thread: 3, stop: ["<|end|>"], temperature: 0.7 },
  });
  t.is(derived.digest, "sha256:f54d1721428f19ce0576921970b2c7c11a65cf3dd14af12bd4414f7f336c2efb");
  t.true(
    derived.blobs.some(
      ({ text }) =>
        text ===
        '{"num_ctx":4096,"num_thread":3,"stop":["\\u003c|end|\\u003e"],"temperature":0.7,"top_k":64,"top_p":0.95}\n',
    ),
  );
});

test("weights and template are the base's own, so that nothing lies on a disk twice", (t) => {
  const { shared, blobs } = deriveModel(baseModel, assistant);
  t.deepEqual(shared, [
    "sha256:a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    "sha256:964600c3ddecfd2fb8c9a4ec038ee10f7362742d50c983f5d532fae89a7334d3",
  ]);
  t.true(blobs.every(({ digest }) => !shared.includes(digest)));
});

test("a base with no parameters gets some, and one from another host keeps its host's name", (t) => {
  const bare = without("application/vnd.ollama.image.params", { reference: "models.example.org/team/bare:1b" });
  const { manifest, blobs } = deriveModel(bare, assistant);
  t.true(blobs.some(({ text }) => text === '{"num_ctx":4096,"num_thread":4}\n'));
  t.true(manifest.text.includes('"from":"models.example.org/team/bare:1b"'));
  t.is(deriveModel(bare, { ...assistant, parameters: {} }).blobs.length, 1);
});

test("whatever the parameters, all that the manifest names is there, by its digest and size", (t) => {
  const value = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.string(), fc.boolean());
  const arbitrary = fc.dictionary(fc.stringMatching(/^[a-z_]{1,12}$/), fc.oneof(value, fc.array(fc.string())));
  fc.assert(
    fc.property(arbitrary, fc.option(fc.string({ minLength: 1 })), (given, system) => {
      const derived = deriveModel(baseModel, { ...assistant, parameters: given, system });
      const blobs = new Map(derived.blobs.map(({ digest, text }) => [digest, text]));
      for (const [digest, text] of blobs) t.is(digest, sha256(text));
      t.is(derived.digest, sha256(derived.manifest.text));
      const { config, layers } = JSON.parse(derived.manifest.text) as Manifest;
      for (const { digest, size } of [config, ...layers])
        t.true(derived.shared.includes(digest) || Buffer.byteLength(blobs.get(digest) ?? "") === size);
      t.deepEqual(
        (JSON.parse(blobs.get(config.digest) ?? "") as { rootfs: { diff_ids: string[] } }).rootfs.diff_ids,
        layers.map(({ digest }) => digest),
      );
      const params = layers.find(({ mediaType }) => mediaType.endsWith("params"));
      t.deepEqual(
        JSON.parse(blobs.get(params?.digest ?? "") ?? ""),
        plain({ temperature: 1, top_k: 64, top_p: 0.95, ...given }),
      );
    }),
    { numRuns: 50 },
  );
});

interface Manifest {
  readonly config: { readonly digest: string; readonly size: number };
  readonly layers: readonly { readonly mediaType: string; readonly digest: string; readonly size: number }[];
}

function sha256(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

/** As JSON keeps it: it knows no negative zero. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

const elsewhere = baseModel.config.replace("{", '{"remote_host":"https://example.org",');
const wrong: Record<string, [BaseModel, RegExp]> = {
  "another manifest": [
    { ...baseModel, manifest: baseModel.manifest.replace("253113024", "1") },
    /its manifest is sha256/,
  ],
  "another config": [{ ...baseModel, config: `${baseModel.config} ` }, /its config is sha256:.*, not sha256:d4283c09/],
  "other parameters": [{ ...baseModel, params: '{"top_k":1}\n' }, /its parameters is sha256/],
  "no parameters where its manifest has some": [{ ...baseModel, params: null }, /manifest and its parameters differ/],
  "a manifest of a list of images": [{ ...baseModel, manifest: "{}", digest: sha256("{}") }, /its manifest is none/],
  "a config of a model in a cloud": [
    without("none", { config: elsewhere }),
    /is a model that answers elsewhere, not on a node of yours/,
  ],
};
for (const [what, [base, message]] of Object.entries(wrong))
  test(`a base with ${what} is refused by name`, (t) => {
    t.throws(() => deriveModel(base, assistant), { instanceOf: InputError, message });
    t.throws(() => deriveModel(base, assistant), { message: /^gemma3:270m: .*\n {2}Next: lock the model anew/ });
  });
