import test from "ava";
import fc from "fast-check";
import { linearAxis, timeAxis } from "../../../../../scripts/lib/results/plots/frame.ts";

/** As fine as clocks are. */
const figure = fc.integer({ min: 0, max: 1e10 }).map((thousandths) => thousandths / 1000);

test("every value lies on the axis, and so does every tick", (t) => {
  fc.assert(
    fc.property(fc.array(figure, { minLength: 1, maxLength: 20 }), fc.boolean(), (values, zero) => {
      const { place, ticks } = linearAxis("", values, { zero });
      for (const at of [...values, ...ticks.map((tick) => tick.at)]) {
        t.true(place(at) >= 0 && place(at) <= 100, `${at} of ${values.join()}`);
      }
    }),
  );
});

test("one value alone stands in the middle, and 0 belongs to the axis of a length", (t) => {
  t.is(linearAxis("", [50]).place(50), 50);
  t.is(linearAxis("", [50, 60], { zero: true }).place(0), 0);
});

test("times are in UTC, with the day where there are several", (t) => {
  const noon = Date.UTC(2026, 10, 23, 12);
  const texts = (hours: number) => timeAxis(noon, noon + hours * 3_600_000).ticks.map(({ text }) => text);
  t.deepEqual(texts(1), ["12:00", "12:15", "12:30", "12:45", "13:00"]);
  t.is(texts(72)[0], "24 Nov, 00:00");
});
