import test from "ava";
import { formatSize } from "../../../stacks/remote/format-size.ts";

test("sizes are said in the unit that people would use", (t) => {
  t.deepEqual(
    [0, 99, 100, 1234, 999_949, 999_950, 72_400_000, 999_499_999, 999_500_000, 4_300_000_000].map(formatSize),
    ["0 B", "99 B", "0.1 kB", "1.2 kB", "999.9 kB", "1 MB", "72 MB", "999 MB", "1.0 GB", "4.3 GB"],
  );
});
