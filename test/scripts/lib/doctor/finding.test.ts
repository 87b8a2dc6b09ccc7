import test from "ava";
import {
  countFindings,
  sortFindings,
  splitAdvice,
  type Finding,
  type Severity,
} from "../../../../scripts/lib/doctor/finding.ts";

const finding = (severity: Severity, where: string, what = ""): Finding => ({ severity, where, what, next: "" });

test("worst first; the site before its nodes, these in their order; equals as they came", (t) => {
  const sorted = sortFindings(
    [
      finding("note", "pi-1"),
      finding("wrong", "pi-2", "b"),
      finding("wrong", "pi-2", "a"),
      finding("wrong", "pi-1"),
      finding("wrong", "cluster"),
      finding("warning", "pi-9"),
    ],
    ["pi-1", "pi-2"],
  );
  t.deepEqual(
    sorted.map(({ severity, where, what }) => `${severity} ${where} ${what}`.trim()),
    ["wrong cluster", "wrong pi-1", "wrong pi-2 b", "wrong pi-2 a", "warning pi-9", "note pi-1"],
  );
});

test("counted in words", (t) => {
  t.is(countFindings([]), "0 wrong, 0 warnings, 0 notes");
  t.is(
    countFindings([finding("wrong", "a"), finding("warning", "a"), finding("note", "a"), finding("note", "a")]),
    "1 wrong, 1 warning, 2 notes",
  );
});

test("advice after a colon, in a last sentence, or missing", (t) => {
  t.deepEqual(splitAdvice("it is so: mend it: soon", "x"), { what: "it is so", next: "mend it: soon" });
  t.deepEqual(splitAdvice("runs v1.2.3: older. Set it back", "x"), { what: "runs v1.2.3: older", next: "set it back" });
  t.deepEqual(splitAdvice("it is so", "look"), { what: "it is so", next: "look" });
});
