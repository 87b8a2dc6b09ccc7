import test from "ava";
import fc from "fast-check";
import {
  busyFraction,
  parseFrequency,
  parseMemory,
  parseNumber,
  parseProcessorTime,
  parseReading,
  parseTemperature,
  parseThrottled,
  parseWatts,
} from "../../../workloads/probe/sample.ts";

test("time waiting for a disk is idle time, and guests are counted once", (t) => {
  const before = parseProcessorTime("cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n");
  t.deepEqual(before, { busy: 200, all: 1000 });
  const after = parseProcessorTime("cpu  150 10 120 860 60 5 5 10 40 0\n");
  t.is(busyFraction(before, after), 100 / 220);
});

test("without two readings that differ nobody knows how busy a node was", (t) => {
  const reading = { busy: 5, all: 10 };
  t.is(busyFraction(null, reading), null);
  t.is(busyFraction(reading, null), null);
  t.is(busyFraction(reading, reading), null);
  for (const text of ["", "intr 5\n", "cpu \n", "cpu  1 2 3\n", "cpu0 1 2 3 4\n"]) t.is(parseProcessorTime(text), null);
});

test("a busy fraction lies between 0 and 1 and is that of the ticks between", (t) => {
  const ticks = fc.array(fc.nat(1_000_000), { minLength: 10, maxLength: 10 });
  const line = (values: readonly number[]) => `cpu  ${values.join(" ")}\ncpu0 ${values.join(" ")}\n`;
  fc.assert(
    fc.property(ticks, ticks, (first, more) => {
      const second = first.map((value, index) => value + (more[index] ?? 0));
      const between = parseProcessorTime(line(more));
      const fraction = busyFraction(parseProcessorTime(line(first)), parseProcessorTime(line(second)));
      if (between === null || between.all === 0) t.is(fraction, null);
      else t.is(fraction, between.busy / between.all);
    }),
  );
});

test("idle ticks that go back make no fraction above 1", (t) => {
  t.is(busyFraction({ busy: 10, all: 100 }, { busy: 30, all: 110 }), 1);
});

test("memory is in bytes, and a kernel that does not say it is an error", (t) => {
  const meminfo = "MemTotal:        8255888 kB\nMemFree:         2573664 kB\nMemAvailable:    5364848 kB\n";
  t.deepEqual(parseMemory(meminfo), { total: 8255888 * 1024, available: 5364848 * 1024 });
  t.throws(() => parseMemory("MemTotal:        8255888 kB\n"), { message: "/proc/meminfo has no MemAvailable" });
});

test("every whole number comes back, and nothing else is a number", (t) => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (number) => {
      t.is(parseNumber(`${number}\n`), number);
    }),
  );
  for (const text of [null, "", "\n", "1.5\n", "5 6\n", "max\n", "0x5\n", " 5\n"]) t.is(parseNumber(text), null);
});

test("frequency and temperature are in Hz and degrees, and missing is never 0", (t) => {
  t.is(parseFrequency("2400000\n"), 2_400_000_000);
  t.is(parseTemperature("61700\n"), 61.7);
  t.is(parseTemperature("-500\n"), -0.5);
  t.is(parseTemperature("0\n"), 0);
  for (const text of [null, "", "error\n"]) t.deepEqual([parseFrequency(text), parseTemperature(text)], [null, null]);
});

test("throttle bits come back from hexadecimal, as kernel and firmware write it", (t) => {
  fc.assert(
    fc.property(fc.nat(0xffffffff), (bits) => {
      t.is(parseThrottled(`${bits.toString(16)}\n`), bits);
      t.is(parseThrottled(`0x${bits.toString(16)}`), bits);
    }),
  );
  for (const text of [null, "", "0x\n", "throttled=0x0\n", "123456789\n"]) t.is(parseThrottled(text), null);
});

test("a power meter's word holds for five seconds, by whichever clock", (t) => {
  const now = 1_772_373_601_000;
  fc.assert(
    fc.property(fc.integer({ min: -20_000, max: 20_000 }), (age) => {
      t.is(parseReading(`${now - age} 6.532\n`, now), Math.abs(age) <= 5_000 ? "6.532" : null);
    }),
  );
  // Half a line is no line.
  for (const text of [null, "", `${now} 6.5`, `${now}\n`, "6.5\n", `${now} 6.5 7\n`])
    t.is(parseReading(text, now), null);
});

test("watts are a decimal number", (t) => {
  t.deepEqual(["6.532", "12", "0.588", "-1", "nan", "", null].map(parseWatts), [
    6.532,
    12,
    0.588,
    null,
    null,
    null,
    null,
  ]);
});
