import test from "ava";
import fc from "fast-check";
import type { Scorer } from "../../../workloads/accuracy/item.ts";
import { score } from "../../../workloads/accuracy/score.ts";

const exact: Scorer = { type: "exact", answer: "etcd.service" };
const numeric: Scorer = { type: "numeric", answer: 1250, tolerance: 0.5 };
const choice: Scorer = {
  type: "choice",
  choices: ["A bad cable", "DNS", "A full disk", "The DNS server's clock"],
  answer: "B",
};
const json: Scorer = {
  type: "json-schema",
  schema: {
    type: "object",
    required: ["node", "count"],
    additionalProperties: false,
    properties: { node: { const: "pi-2" }, count: { type: "integer", minimum: 3 } },
  },
};
const regex: Scorer = { type: "regex", pattern: "^ip (-4 )?route( show)?$" };
const contains: Scorer = { type: "contains", all: ["NotReady", "disk"] };

const right: readonly (readonly [Scorer, string])[] = [
  [exact, "etcd.service"],
  [exact, "  `ETCD.service`.\n"],
  [exact, "The unit that failed:\n**etcd.service**"],
  [exact, "The answer is etcd.service."],
  [exact, "Answer: etcd.service"],
  [exact, "<think>perhaps k3s.service</think>\netcd.service"],
  [numeric, "1250"],
  [numeric, "1,250 seconds"],
  [numeric, "1250.4 s"],
  [numeric, "1.25e3"],
  [numeric, "10 MB over 64 kbit/s are 80000/64 = 1250"],
  [numeric, "First 99, then 98.\n#### 1250\nSo much for 7 things."],
  [{ type: "numeric", answer: -5, tolerance: 0 }, "It is −5 degrees"],
  [{ type: "numeric", answer: 37.5, tolerance: 0 }, "37.5%"],
  [{ type: "numeric", answer: 0.1, tolerance: 0 }, ".1"],
  [choice, "B"],
  [choice, "(B)"],
  [choice, "b."],
  [choice, "B) DNS"],
  [choice, "**B**"],
  [choice, "The correct answer is B, since names do not resolve."],
  [choice, "A short look at the log tells: the answer is (B)."],
  [choice, "Most likely DNS."],
  [json, '{"node":"pi-2","count":4}'],
  [json, 'Here it is:\n```json\n{ "node": "pi-2", "count": 3 }\n```\nDone.'],
  [json, 'The object is {"node":"pi-2","count":3}, as asked.'],
  [regex, "ip -4 route"],
  [contains, "The node is notready because its DISK is full"],
];

const wrong: readonly (readonly [Scorer, string])[] = [
  [exact, "k3s.service"],
  [exact, "not etcd.service but k3s.service"],
  [exact, ""],
  [exact, "<think>etcd.service"],
  [numeric, "1251"],
  [numeric, "1250 or 99"],
  [numeric, "no idea"],
  [numeric, "node1250"],
  [choice, "A"],
  [choice, "A full disk"],
  [choice, "A bad cable or DNS"],
  [choice, "The DNS server's clock"],
  [choice, "A long story about nothing"],
  [json, '{"node":"pi-3","count":4}'],
  [json, '{"node":"pi-2","count":4,"more":1}'],
  [json, "node pi-2, count 4"],
  [regex, "ip addr"],
  [contains, "The node is NotReady"],
];

for (const [scorer, answer] of right)
  test(`${scorer.type}: ${JSON.stringify(answer)} is right`, (t) => {
    const { correct, read } = score(scorer, answer);
    t.true(correct, `read as ${read}`);
    t.not(read, null);
  });
for (const [scorer, answer] of wrong)
  test(`${scorer.type}: ${JSON.stringify(answer)} is wrong`, (t) => {
    t.false(score(scorer, answer).correct);
  });

test("any answer gets a verdict, from any scorer", (t) => {
  const scorers = fc.constantFrom(exact, numeric, choice, json, regex, contains);
  fc.assert(
    fc.property(scorers, fc.string({ unit: "binary", maxLength: 200 }), (scorer, answer) => {
      t.is(typeof score(scorer, answer).correct, "boolean");
    }),
  );
});

test("a right number is right in any usual writing, and a wrong one never", (t) => {
  const writings = fc.constantFrom(
    (number: number) => String(number),
    (number: number) => `The result is ${number}.`,
    (number: number) => `#### ${number}`,
    (number: number) => `**${number.toLocaleString("en")}** bytes`,
  );
  fc.assert(
    fc.property(fc.integer({ min: -1_000_000_000, max: 1_000_000_000 }), writings, (number, write) => {
      const scorer: Scorer = { type: "numeric", answer: number, tolerance: 0 };
      t.true(score(scorer, write(number)).correct, write(number));
      t.false(score(scorer, write(number + 1)).correct);
    }),
  );
});
