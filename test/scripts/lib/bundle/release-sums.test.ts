import test from "ava";
import fc from "fast-check";
import { parseSums } from "../../../../scripts/lib/bundle/release-sums.ts";

const sha256 = fc.stringMatching(/^[0-9a-f]{64}$/);
const name = fc.stringMatching(/^[a-z0-9][a-zA-Z0-9 ._+-]{0,40}[a-z0-9]$/);

test("what sha256sum prints is read, text and binary, from Unix and Windows", (t) => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(name, sha256), { selector: ([one]) => one }),
      fc.constantFrom(" ", "*"),
      fc.constantFrom("\n", "\r\n"),
      (sums, mark, end) => {
        const text = sums.map(([file, digest]) => `${digest} ${mark}${file}${end}`).join("");
        t.deepEqual(parseSums(text), new Map(sums));
      },
    ),
  );
});

test("anything else is no checksum", (t) => {
  t.is(parseSums("<html>Not Found</html>\n").size, 0);
  t.is(parseSums(`${"A".repeat(64)}  k3s\n${"a".repeat(63)}  k3s\n`).size, 0);
});
