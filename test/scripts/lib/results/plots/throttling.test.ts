import test from "ava";
import {
  describeThrottling,
  throttledSpans,
  throttlingWords,
} from "../../../../../scripts/lib/results/plots/throttling.ts";

const readings = (...bits: (number | null)[]) => bits.map((throttled, index) => ({ at: index * 10, throttled }));

test("a span lasts until the board no longer says so, and has all that it said", (t) => {
  t.deepEqual(throttledSpans(readings(0, 4, 8, 0, 0, 1), 10), [
    { from: 10, to: 30, bits: 12 },
    { from: 50, to: 50, bits: 1 },
  ]);
});

test("what has been so since the boot is no span", (t) => {
  t.deepEqual(throttledSpans(readings(0x50000, 0x50000, null), 10), []);
});

test("a span does not reach over a gap", (t) => {
  const apart = readings(4, 4, 4).map(({ at, throttled }) => ({ at: at === 20 ? 500 : at, throttled }));
  t.deepEqual(throttledSpans(apart, 50), [
    { from: 0, to: 10, bits: 4 },
    { from: 500, to: 500, bits: 4 },
  ]);
});

test("what the board said, in words", (t) => {
  t.regex(describeThrottling(readings(0, 5)), /^In the shaded times .*: under-voltage, throttled\.$/);
  t.regex(describeThrottling(readings(0x20000)), /^Not slowed down in this time; .*: frequency capped\.$/);
  t.is(describeThrottling(readings(0, null)), "The board was never slowed down.");
  t.regex(describeThrottling(readings(null)), /is not known/);
  t.regex(describeThrottling([]), /is not known/);
});

test("bits of now and of since the boot have the same words", (t) => {
  t.is(throttlingWords(0x40008), "throttled, soft temperature limit");
  t.is(throttlingWords(0), "");
});
