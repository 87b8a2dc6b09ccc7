import test from "ava";
import { absentFrom, parseGoVersion } from "../../twin/requirements.ts";

test("Go's version is read from what it prints", (t) => {
  t.deepEqual(parseGoVersion("go version go1.26.1 linux/amd64"), [1, 26]);
  t.deepEqual(parseGoVersion("go version go1.27rc1 linux/arm64"), [1, 27]);
  t.is(parseGoVersion(""), undefined);
  t.is(parseGoVersion("gofmt 1.2"), undefined);
});

test("a package is there only if dpkg calls it installed", (t) => {
  const listing = ["mtools installed", "libc6-dev:amd64 installed", "mmdebstrap config-files", ""].join("\n");
  t.deepEqual(absentFrom(listing, ["mtools", "libc6-dev", "mmdebstrap", "dosfstools"]), ["mmdebstrap", "dosfstools"]);
});
