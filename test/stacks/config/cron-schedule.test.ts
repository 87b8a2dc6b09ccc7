import test from "ava";
import fc from "fast-check";
import { isCronSchedule } from "../../../stacks/config/cron-schedule.ts";

test("schedules that K3s takes", (t) => {
  const good = [
    ...["0 */6 * * *", "* * * * *", "*/5 0-6,22 1,15 jan-MAR mon-fri", "59 23 31 12 6", "0 0 1 1 0", "5/15 * * * *"],
    ...["10-50/10 * * * sun", "@hourly", "@daily", "@weekly", "@monthly", "@yearly"],
  ];
  for (const text of good) t.true(isCronSchedule(text), text);
});

test("what K3s would not start with is refused", (t) => {
  const bad = [
    ...["", "hourly", "@reboot", "@every", "* * * *", "* * * * * *", "0  0 * * *", " 0 0 * * *", "0 0 * * *\n"],
    ...["60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 0 *", "* * * 13 *", "* * * * 7", "-1 * * * *"],
    ...[
      "*/0 * * * *",
      "30-10 * * * *",
      "* * * fri *",
      "jan * * * *",
      "1,,2 * * * *",
      "1, * * * *",
      "*-5 * * * *",
      "1.5 * * * *",
    ],
    ...["TZ=UTC 0 0 * * *", "0 0 * * *; id", "0x1 * * * *"],
  ];
  for (const text of bad) t.false(isCronSchedule(text), text);
});

test("any numbers within a field's limits make a schedule, and none beyond them", (t) => {
  const limits = [
    [0, 59],
    [0, 23],
    [1, 31],
    [1, 12],
    [0, 6],
  ] as const;
  fc.assert(
    fc.property(fc.nat(4), fc.integer({ min: 0, max: 99 }), (field, value) => {
      const text = ["*", "*", "*", "*", "*"].map((any, index) => (index === field ? String(value) : any)).join(" ");
      const [least, greatest] = limits[field] ?? [0, 0];
      t.is(isCronSchedule(text), value >= least && value <= greatest);
    }),
  );
});
