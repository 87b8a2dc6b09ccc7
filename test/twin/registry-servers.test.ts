import test from "ava";
import { renderNginxConfig, renderRegistryConfig } from "../../twin/registry-servers.ts";

test("the registry serves its storage, and takes nothing in when it is read-only", (t) => {
  for (const readOnly of [true, false]) {
    const { storage } = JSON.parse(renderRegistryConfig({ storage: "/models", readOnly })) as {
      storage: Record<string, Record<string, unknown>>;
    };
    t.is(storage.filesystem?.rootdirectory, "/models");
    t.deepEqual(storage.maintenance?.readonly, { enabled: readOnly });
  }
});

test("a blob's answer names its own address, which Ollama follows; other answers keep theirs", (t) => {
  const config = renderNginxConfig({ address: "10.64.0.1:5000", directory: "/registry" });
  const [rest = "", blobs = ""] = config.split("location ~ ^/v2/.+/blobs/sha256: {");
  t.true(blobs.includes("add_header Location $request_uri;"));
  t.false(rest.includes("add_header Location"));
  t.true(rest.includes("listen 10.64.0.1:5000;"));
});

test("nginx writes only into its own directory", (t) => {
  const config = renderNginxConfig({ address: "10.64.0.1:5000", directory: "/registry" });
  const paths = [...config.matchAll(/(?:pid|_temp_path) (\S+);/g)].map(([, path]) => path ?? "");
  t.is(paths.length, 6);
  t.true(paths.every((path) => path.startsWith("/registry/")));
});
