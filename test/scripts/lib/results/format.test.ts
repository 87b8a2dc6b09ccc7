import test from "ava";
import {
  formatFailures,
  formatNumber,
  formatP,
  formatPercent,
  formatRatio,
  wrap,
} from "../../../../scripts/lib/results/format.ts";

test("figures have about three significant digits, and only zero is zero", (t) => {
  const values = [null, 0, 0.00123, 0.1234, 0.9999, 5.678, 9.999, 55.14, 99.96, 720.6, 60123, 252000];
  t.deepEqual(values.map(formatNumber), [
    "–",
    "0.000",
    "1.2e-3",
    "0.123",
    "1.00",
    "5.68",
    "10.0",
    "55.1",
    "100",
    "721",
    "60123",
    "2.5e5",
  ]);
});

test("ratios", (t) => {
  t.deepEqual([null, 1e-7, 0.825, 1.2134, 12.34, 1234].map(formatRatio), [
    "–",
    "1.0e-7",
    "0.825",
    "1.213",
    "12.3",
    "1.2e3",
  ]);
});

test("per cent and p-values", (t) => {
  t.deepEqual([0.0123, 0.0994, 0.0996, 0.38].map(formatPercent), ["1.2", "9.9", "10", "38"]);
  t.deepEqual([0.03125, 0.5, 0.0004].map(formatP), ["p = 0.031", "p = 0.50", "p < 0.001"]);
});

test("failures", (t) => {
  t.is(formatFailures({ requests: 30, failures: {} }), "0 of 30");
  t.is(formatFailures({ requests: 30, failures: { timeout: 2, error: 1 } }), "3 of 30: error 1, timeout 2");
});

test("lines break at spaces, and within a word that is longer than a line", (t) => {
  t.deepEqual(wrap("one two three", 8, "  "), ["one two", "  three"]);
  t.deepEqual(wrap("x two-three", 6, "  "), ["x two-", "  thre", "  e"]);
  t.deepEqual(wrap("a-very-long-word x", 4), ["a-ve", "ry-l", "ong-", "word", "x"]);
});
