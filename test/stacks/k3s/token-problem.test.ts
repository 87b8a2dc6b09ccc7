import { createHash } from "node:crypto";
import test from "ava";
import { tokenGenerationOf, tokenProblem } from "../../../stacks/k3s/token-problem.ts";
import { exampleK3s } from "../nodes/example-report.ts";

const tokens = [
  { generation: 3, server: "three" },
  { generation: 2, server: "two" },
  { generation: 1, server: "one" },
];
const digest = (text: string) => createHash("sha256").update(text).digest("hex");
const server = (token: string) => exampleK3s({ tokenDigest: digest(token) });

test("a server's token is known by its digest", (t) => {
  t.is(tokenGenerationOf(tokens, digest("two")), 2);
  t.is(tokenGenerationOf(tokens, digest("four")), undefined);
});

test("former generations can be brought to the present one", (t) => {
  t.is(tokenProblem(tokens, server("three")), undefined);
  t.is(tokenProblem(tokens, server("one")), undefined);
  t.is(tokenProblem(tokens, exampleK3s()), undefined, "no server, no token");
});

test("a lowered generation and a token of somebody's own are problems", (t) => {
  t.regex(tokenProblem(tokens, server("four")) ?? "", /none of generations 1 to 3.*k3s\.tokenGeneration was lowered/);
  t.regex(tokenProblem(tokens.slice(2), server("two")) ?? "", /none of generation 1:/);
});
