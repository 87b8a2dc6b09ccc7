import test from "ava";
import { gigabytes, timeSpan } from "../../../../scripts/lib/flash/words.ts";

test("sizes are told as cards are sold", (t) => {
  const sizes = [0, 512, 4_194_304, 99_999_999, 999_400_000, 2_900_000_000, 31_914_983_424, 512_110_190_592];
  t.deepEqual(sizes.map(gigabytes), ["0 B", "512 B", "4.2 MB", "100 MB", "999 MB", "2.9 GB", "31.9 GB", "512 GB"]);
});

test("time is told in the unit that fits", (t) => {
  t.deepEqual([0, 0.6, 99, 100, 5999, 7500].map(timeSpan), ["0 s", "1 s", "99 s", "2 min", "1 h 40 min", "2 h 5 min"]);
});
