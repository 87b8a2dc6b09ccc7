import test from "ava";
import fc from "fast-check";
import { parseMeter } from "../../../../scripts/lib/results/meter-csv.ts";
import { UserError } from "../../../../stacks/user-error.ts";

const noon = Date.UTC(2026, 10, 26, 12);
const two = [
  { at: noon, watts: 5.5 },
  { at: noon + 1000, watts: 6 },
];

test("meters export in many ways", (t) => {
  for (const csv of [
    "time,watts\n2026-11-26T12:00:00Z,5.5\n2026-11-26T12:00:01Z,6\n",
    `timestamp,W\n${noon / 1000},5.5\n${noon / 1000 + 1},6\n`,
    `at;power;volts\r\n${noon};5,5;230\r\n${noon + 1000};6,0;230\r\n`,
    `\uFEFF"Time"\t"Power (W)"\n"2026-11-26T13:00:00+01:00"\t"5.5"\n"2026-11-26T13:00:01+01:00"\t"6"\n\n`,
  ])
    t.deepEqual(parseMeter(csv, "meter.csv"), two);
});

test("what can't be read is named by its line", (t) => {
  const refused = (csv: string, message: RegExp) =>
    t.throws(() => parseMeter(csv, "meter.csv"), { instanceOf: UserError, message });
  refused("volts,watts\n", /^meter\.csv, line 1: names no time/);
  refused("time,volts\n", /line 1: names no power/);
  refused("time,watts\n1764158400,5\n1764158401,\n", /line 3: {2}are no watts/);
  refused("time,watts\n1764158400,-5\n", /line 2: -5 are no watts/);
  refused("time,watts\n2026-11-26 12:00:00,5\n", /line 2: .* is no time with a zone/);
  refused("time,watts\n1764158401,5\n1764158400,5\n", /line 3: goes back in time/);
});

test("what was written is read back, with any separator and decimal point", (t) => {
  const readings = fc.array(fc.record({ gap: fc.nat(10_000), watts: fc.integer({ min: 0, max: 100_000 }) }), {
    maxLength: 20,
  });
  fc.assert(
    fc.property(readings, fc.constantFrom(",", ";", "\t"), (all, separator) => {
      let at = noon;
      const wanted = all.map(({ gap, watts }) => ({ at: (at += gap), watts: watts / 1000 }));
      const number = (value: number) => (separator === ";" ? String(value).replace(".", ",") : String(value));
      const csv = [["time", "watts"], ...wanted.map((one) => [String(one.at), number(one.watts)])]
        .map((cells) => cells.join(separator))
        .join("\n");
      t.deepEqual(parseMeter(csv, "meter.csv"), wanted);
    }),
  );
});
