import test from "ava";
import fc from "fast-check";
import { isCronSchedule } from "../../../../stacks/config/cron-schedule.ts";
import { schedulePeriod } from "../../../../scripts/lib/doctor/schedule-period.ts";

const [hour, day] = [3600, 86_400];

for (const [schedule, period] of [
  ["0 */6 * * *", 6 * hour],
  ["*/5 * * * *", 300],
  ["@hourly", hour],
  ["@daily", day],
  ["@weekly", 7 * day],
  ["@monthly", 31 * day],
  ["@yearly", 366 * day],
  ["30 3 * * *", day],
  ["0 8,20 * * *", 12 * hour],
  // The night is the longest pause.
  ["0 8-18/2 * * *", 14 * hour],
  ["0 0 * * MON-FRI", 3 * day],
  ["0 0 31 * *", 61 * day],
  // Either kind of day will do.
  ["0 0 1 * sun", 7 * day],
  ["0 12 */2 * *", 2 * day],
] as const)
  test(`${schedule} runs at least every ${period / hour} hours`, (t) => {
    t.is(schedulePeriod(schedule), period);
  });

test("what is no schedule, or never comes, has no period", (t) => {
  for (const text of ["", "often", "* * * *", "60 * * * *", "0 0 30 2 *", "*/0 * * * *", "5-1 * * * *"])
    t.is(schedulePeriod(text), undefined);
});

test("each schedule that a configuration may hold is understood, and runs at least once a minute at most", (t) => {
  const field = (least: number, greatest: number) =>
    fc.oneof(
      fc.constant("*"),
      fc.integer({ min: least, max: greatest }).map(String),
      fc.integer({ min: 1, max: greatest }).map((step) => `*/${step}`),
      fc
        .tuple(fc.integer({ min: least, max: greatest }), fc.integer({ min: least, max: greatest }))
        .map((pair) => `${Math.min(...pair)}-${Math.max(...pair)}`),
    );
  // Days that every month has, so that it runs for certain.
  const schedule = fc.tuple(
    field(0, 59),
    field(0, 23),
    field(1, 28),
    fc.constant("*"),
    fc.oneof(fc.constant("*"), field(0, 6)),
  );
  fc.assert(
    fc.property(schedule, (fields) => {
      const text = fields.join(" ");
      t.true(isCronSchedule(text), text);
      const period = schedulePeriod(text);
      t.true(period !== undefined && period >= 60 && period <= 62 * day, `${text}: ${period ?? "none"}`);
    }),
  );
});
