import test from "ava";
import fc from "fast-check";
import { renderNginxConfig } from "../../../workloads/registry/nginx-config.ts";

const config = { listen: "5000", backend: "127.0.0.1:5001", directory: "/tmp", writers: ["192.168.7.0/24"] };

test("blobs, and nothing else, are answered with the place that was asked for", (t) => {
  const text = renderNginxConfig(config);
  t.is(text.split("add_header Location $request_uri;").length, 2);
  t.regex(text, /location ~ \^\/v2\/\.\+\/blobs\/sha256: \{[^}]*\}\s*add_header Location/);
});

test("who may push is named, and nobody else may", (t) => {
  const rules = (writers: readonly string[]) =>
    [...renderNginxConfig({ ...config, writers }).matchAll(/limit_except GET \{([^}]*)\}/g)].map(([, inner = ""]) =>
      inner.trim().split(/\s*\n\s*/),
    );
  t.deepEqual(rules(["192.168.7.0/24", "fd00::/64"]), [
    ["allow 192.168.7.0/24;", "allow fd00::/64;", "deny all;"],
    ["allow 192.168.7.0/24;", "allow fd00::/64;", "deny all;"],
  ]);
  t.deepEqual(rules([]), [["deny all;"], ["deny all;"]]);
});

test("whatever text is given for a range, the configuration keeps its lines or it is refused", (t) => {
  const lines = renderNginxConfig(config).split("\n").length;
  const range = fc.oneof(
    fc.string(),
    fc.ipV4(),
    fc.ipV6(),
    fc.tuple(fc.ipV4(), fc.nat(40)).map(([a, b]) => `${a}/${b}`),
  );
  fc.assert(
    fc.property(range, (text) => {
      let rendered = "";
      try {
        rendered = renderNginxConfig({ ...config, writers: [text] });
      } catch (error) {
        t.true(error instanceof Error && error.message.includes("is no address or range"));
        return;
      }
      t.is(rendered.split("\n").length, lines);
      t.regex(text, /^[0-9a-fA-F.:/]+$/);
    }),
  );
  for (const text of ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8/8", "all", "10.0.0.1; allow all", "fe80::1%eth0"])
    t.throws(() => renderNginxConfig({ ...config, writers: [text] }), { message: /is no address or range/ }, text);
});

test("a directory or an address that would break the configuration is refused", (t) => {
  for (const change of [{ directory: "/my files" }, { listen: "80; }" }, { backend: "" }])
    t.throws(() => renderNginxConfig({ ...config, ...change }), { message: /would break nginx's configuration/ });
});
