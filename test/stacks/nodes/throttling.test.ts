import test from "ava";
import { describeThrottling } from "../../../stacks/nodes/throttling.ts";

test("no bits, no words", (t) => {
  t.deepEqual(describeThrottling(0), []);
});

test("what is so now comes before what only has been so", (t) => {
  t.deepEqual(describeThrottling(0x50005), ["under-voltage", "throttled"]);
  t.deepEqual(describeThrottling(0x50000), ["under-voltage since boot", "throttled since boot"]);
  t.deepEqual(describeThrottling(0xe0008), [
    "at the soft temperature limit",
    "frequency capped since boot",
    "throttled since boot",
  ]);
});

test("each bit that is known has words of its own", (t) => {
  const bits = [0, 1, 2, 3, 16, 17, 18, 19].map((bit) => describeThrottling(2 ** bit));
  t.true(bits.every((words) => words.length === 1));
  t.is(new Set(bits.flat()).size, 8);
  t.deepEqual(describeThrottling(2 ** 5), []);
});
