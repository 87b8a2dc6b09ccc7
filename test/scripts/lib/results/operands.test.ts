import test from "ava";
import fc from "fast-check";
import { parseOperand } from "../../../../scripts/lib/results/operands.ts";
import { UserError } from "../../../../stacks/user-error.ts";

for (const [text, operand] of [
  ["threads-1", { stack: "threads-1", variant: undefined, run: undefined }],
  ["a.b_c:role+format", { stack: "a.b_c", variant: "role+format", run: undefined }],
  ["sweep:*", { stack: "sweep", variant: "*", run: undefined }],
  ["sweep:*@2", { stack: "sweep", variant: "*", run: 2 }],
  ["sweep@0123456789ab", { stack: "sweep", variant: undefined, run: "0123456789ab" }],
  ["sweep:1@0123456789ab-12", { stack: "sweep", variant: "1", run: "0123456789ab-12" }],
  ["sweep@123456789012", { stack: "sweep", variant: undefined, run: "123456789012" }],
] as const)
  test(`reads ${text}`, (t) => {
    t.deepEqual(parseOperand(text), operand);
  });

for (const text of [
  "",
  ":a",
  "a:",
  "a:B",
  "a@",
  "a@0",
  "a@-1",
  "a@1.5",
  "a@1@2",
  "../a",
  "..",
  "a b",
  "a:*b",
  "a@0123456789ab-1",
])
  test(`refuses "${text}"`, (t) => {
    const { message } = t.throws(() => parseOperand(text), { instanceOf: UserError });
    t.regex(message, /\n {2}Next: write /);
  });

test("never names a path", (t) => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        const { stack, run } = parseOperand(text);
        t.false(stack.includes("/") || stack === "." || stack === ".." || String(run).includes("/"));
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
      }
    }),
  );
  t.pass();
});
