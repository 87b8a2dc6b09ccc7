import { UserError } from "../../../stacks/user-error.ts";

/** One reading of a power meter: Unix time in ms, and watts. */
export interface PowerReading {
  readonly at: number;
  readonly watts: number;
}

const timeNames = ["time", "timestamp", "date", "datetime", "at"];
const powerNames = ["watts", "watt", "power", "w", "p", "power (w)", "power_w"];

/**
 * Readings of an external power meter: CSV with a line of names, of which one is a time (Unix seconds or milliseconds, or ISO 8601
 * with its zone) and one a power in watts. Separated by comma, semicolon or tab; with semicolons a comma may be the decimal point.
 * @param name the file's, for errors
 * @throws UserError naming the first line that can't be read, or readings that go back in time
 */
export function parseMeter(csv: string, name: string): PowerReading[] {
  const fail = (line: number, what: string): never => {
    throw new UserError({
      what,
      where: `${name}, line ${line}`,
      next: "mend the file, or export it anew from the meter",
    });
  };
  const [head = "", ...lines] = csv.replace(/^\uFEFF/, "").split(/\r?\n/);
  const separator = [";", "\t", ","].find((one) => head.includes(one)) ?? ",";
  const cellsOf = (line: string) => line.split(separator).map((cell) => cell.trim().replace(/^"(.*)"$/, "$1"));
  const titles = cellsOf(head).map((title) => title.toLowerCase());
  const columnOf = (names: readonly string[]) => titles.findIndex((title) => names.includes(title));
  const [time, power] = [columnOf(timeNames), columnOf(powerNames)];
  if (time === -1) fail(1, `names no time: one of ${timeNames.join(", ")}`);
  if (power === -1) fail(1, `names no power in watts: one of ${powerNames.join(", ")}`);
  const readings: PowerReading[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const cells = cellsOf(line);
    const number = (cell: string) => (cell === "" ? NaN : Number(separator === ";" ? cell.replace(",", ".") : cell));
    const at = timeOf(cells[time] ?? "", number);
    const watts = number(cells[power] ?? "");
    if (!Number.isFinite(at)) fail(index + 2, `${cells[time] ?? "nothing"} is no time with a zone`);
    if (!Number.isFinite(watts) || watts < 0) fail(index + 2, `${cells[power] ?? "nothing"} are no watts`);
    if (at < (readings.at(-1)?.at ?? -Infinity)) fail(index + 2, "goes back in time");
    readings.push({ at, watts });
  }
  return readings;
}

/** Seconds have ten digits until the year 2286, milliseconds thirteen. A time without a zone could be any. */
function timeOf(cell: string, number: (cell: string) => number): number {
  const value = number(cell);
  if (Number.isFinite(value)) return value < 1e11 ? value * 1000 : value;
  return /(Z|[+-]\d\d:?\d\d)$/.test(cell) ? Date.parse(cell) : NaN;
}
