import test from "ava";
import { modelName } from "../../../workloads/ollama/model-name.ts";

const site = "10.99.1.1:5000";

test("a plain name lives in Ollama's library, and in the site's", (t) => {
  t.deepEqual(modelName("gemma3:270m", site), {
    full: "registry.ollama.ai/library/gemma3:270m",
    manifest: "manifests/registry.ollama.ai/library/gemma3/270m",
    source: "10.99.1.1:5000/library/gemma3:270m",
  });
});

test("a namespace and a host are kept, and the site has the model under its namespace", (t) => {
  t.is(modelName("lab/gemma3:270m", site).source, "10.99.1.1:5000/lab/gemma3:270m");
  t.deepEqual(modelName("hf.co/lab/gemma3:q4", site), {
    full: "hf.co/lab/gemma3:q4",
    manifest: "manifests/hf.co/lab/gemma3/q4",
    source: "10.99.1.1:5000/lab/gemma3:q4",
  });
});

test("without a registry of the site a model is pulled by its own name", (t) => {
  t.is(modelName("hf.co/lab/gemma3:q4", undefined).source, "hf.co/lab/gemma3:q4");
});

for (const reference of ["gemma3", "a/b/c/d:1", ":1", "/a:1"])
  test(`${reference} is no model's name`, (t) => {
    t.throws(() => modelName(reference, site), { message: /is not/ });
  });
