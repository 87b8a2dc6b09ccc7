/** Field ranges of a cron line: minute, hour, day of the month, month, day of the week. */
const ranges: readonly (readonly [low: number, high: number])[] = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 6],
];
const names: readonly (readonly string[])[] = [
  [],
  [],
  [],
  "- jan feb mar apr may jun jul aug sep oct nov dec".split(" "),
  "sun mon tue wed thu fri sat".split(" "),
];
const shorthands: Readonly<Record<string, string>> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
  "@yearly": "0 0 1 1 *",
};
const daySeconds = 86_400;

/**
 * The longest time between two runs of a cron schedule, in seconds; undefined for one that is no cron line, or hardly ever runs.
 */
export function schedulePeriod(schedule: string): number | undefined {
  const fields = (shorthands[schedule] ?? schedule).toLowerCase().split(/\s+/);
  const sets = fields.map(valuesOf);
  const [minutes, hours, days, months, weekdays] = sets;
  if (sets.length !== 5 || !minutes || !hours || !days || !months || !weekdays) return undefined;
  const times = [...hours]
    .flatMap((hour) => [...minutes].map((minute) => hour * 3600 + minute * 60))
    .sort((a, b) => a - b);
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  const within = Math.max(0, ...times.slice(1).map((time, index) => time - (times[index] ?? 0)));
  // cron(5): where both kinds of day are restricted, either will do.
  const either = fields[2] !== "*" && fields[4] !== "*";
  const runs = Array.from({ length: 2 * 366 }, (_, index) => new Date(Date.UTC(2027, 0, 1 + index))).flatMap(
    (day, index) => {
      const [ofMonth, ofWeek] = [days.has(day.getUTCDate()), weekdays.has(day.getUTCDay())];
      const wanted = months.has(day.getUTCMonth() + 1) && (either ? ofMonth || ofWeek : ofMonth && ofWeek);
      return wanted ? [index] : [];
    },
  );
  if (runs.length < 2) return undefined;
  const between = runs.slice(1).map((day, index) => (day - (runs[index] ?? 0)) * daySeconds + first - last);
  return Math.max(within, ...between);
}

/** The numbers that a field stands for, or undefined where it is none. */
function valuesOf(field: string, index: number): ReadonlySet<number> | undefined {
  const [low, high] = ranges[index] ?? [0, 0];
  const numberOf = (text: string) => {
    const named = names[index]?.indexOf(text) ?? -1;
    return named >= 0 ? named : /^\d+$/.test(text) ? Number(text) : NaN;
  };
  const values = new Set<number>();
  for (const part of field.split(",")) {
    const [, range = "", step] = /^([^/]+)(?:\/(\d+))?$/.exec(part) ?? [];
    const [from = "", to] = range.split("-");
    const all = range === "*" || range === "?";
    const start = all ? low : numberOf(from);
    const end = all ? high : to !== undefined ? numberOf(to) : step === undefined ? start : high;
    const by = step === undefined ? 1 : Number(step);
    if (!(start >= low && end <= high && start <= end && by >= 1)) return undefined;
    for (let value = start; value <= end; value += by) values.add(value);
  }
  return values;
}
