import test from "ava";
import * as fc from "fast-check";
import { compareVersions, parseVersion } from "../../../stacks/k3s/version.ts";

test("a release is read, and what is none is not", (t) => {
  t.deepEqual(parseVersion("v1.34.2+k3s1"), { minor: 34, parts: [1, 34, 2, 1] });
  for (const text of ["1.34.2+k3s1", "v1.34.2", "v1.34.2-rc1+k3s1", "v1.34.2+k3s1-dirty", ""])
    t.is(parseVersion(text), undefined, text);
});

const part = fc.nat(200);
const release = fc.tuple(part, part, part).map(([minor, patch, k3s]) => `v1.${minor}.${patch}+k3s${k3s}`);
const compare = (one: string, other: string) => {
  const [a, b] = [parseVersion(one), parseVersion(other)];
  if (a === undefined || b === undefined) throw new Error("no release");
  return Math.sign(compareVersions(a, b));
};

test("releases are ordered as their numbers are, not as their texts", (t) => {
  t.is(compare("v1.34.10+k3s1", "v1.34.9+k3s1"), 1);
  t.is(compare("v1.34.2+k3s1", "v1.34.2+k3s2"), -1);
  fc.assert(
    fc.property(
      release,
      release,
      (one, other) => compare(one, other) === -compare(other, one) || compare(one, other) === 0,
    ),
  );
  fc.assert(fc.property(release, (one) => compare(one, one) === 0));
});
