import test from "ava";
import fc from "fast-check";
import { renderFindings } from "../../../../scripts/lib/doctor/table.ts";

const severity = fc.constantFrom("wrong" as const, "warning" as const, "note" as const);

test("nothing found is no table", (t) => {
  t.is(renderFindings([]), "");
});

test("a finding below its header, its next action below it", (t) => {
  t.is(
    renderFindings([{ severity: "wrong", where: "pi-1", what: "it is off", next: "switch it on" }]),
    "         where  what\nwrong    pi-1   it is off\n                Next: switch it on\n",
  );
});

test("no line is wider than 100 columns, and no word is lost", (t) => {
  const text = fc.stringMatching(/^[!-~]{1,140}( [!-~]{1,140}){0,8}$/);
  fc.assert(
    fc.property(
      fc.array(fc.record({ severity, where: text, what: text, next: text }), { minLength: 1 }),
      (findings) => {
        const table = renderFindings(findings);
        t.true(
          table.split("\n").every((line) => line.length <= 100),
          table,
        );
        const letters = (all: string) => Array.from(all.replaceAll(/\s/g, "")).sort().join("");
        const given = findings.map(({ severity: word, where, what, next }) => `${word}${where}${what}Next:${next}`);
        t.is(letters(table), letters(`wherewhat${given.join("")}`));
      },
    ),
  );
});

test("lines of a journal stay lines", (t) => {
  const table = renderFindings([
    { severity: "wrong", where: "pi-1", what: "it failed; its journal ends in\none\ntwo", next: "x" },
  ]);
  t.regex(table, /ends in\n {16}one\n {16}two\n {16}Next: x\n$/);
});
