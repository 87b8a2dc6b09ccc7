/** A field's least and greatest number, and the names that stand for numbers from the least on. */
interface Field {
  readonly least: number;
  readonly greatest: number;
  readonly names: readonly string[];
}

const fields: readonly Field[] = [
  { least: 0, greatest: 59, names: [] },
  { least: 0, greatest: 23, names: [] },
  { least: 1, greatest: 31, names: [] },
  {
    least: 1,
    greatest: 12,
    names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
  },
  { least: 0, greatest: 6, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
];

/**
 * Whether K3s takes a text for a schedule: minute, hour, day of the month, month, day of the week (0 is Sunday), or one of the words
 * for them (robfig/cron, parser.go, ParseStandard). K3s would not start with another one.
 */
export function isCronSchedule(text: string): boolean {
  if (/^@(hourly|daily|weekly|monthly|yearly)$/.test(text)) return true;
  const parts = text.split(" ");
  return parts.length === fields.length && fields.every((field, index) => isField(parts[index] ?? "", field));
}

function isField(text: string, field: Field): boolean {
  return text.split(",").every((part) => isPart(part, field));
}

/** `*`, a number, a range, or one of them with a step. */
function isPart(text: string, field: Field): boolean {
  const [, from, to, step] = /^(\*|[0-9a-z]+)(?:-([0-9a-z]+))?(?:\/([0-9]{1,4}))?$/i.exec(text) ?? [];
  if (from === undefined || (step !== undefined && Number(step) === 0)) return false;
  if (from === "*") return to === undefined;
  const [start, end] = [valueOf(from, field), to === undefined ? undefined : valueOf(to, field)];
  if (start === undefined || (to !== undefined && end === undefined)) return false;
  return start >= field.least && start <= (end ?? start) && (end ?? start) <= field.greatest;
}

function valueOf(text: string, { least, names }: Field): number | undefined {
  if (/^[0-9]{1,2}$/.test(text)) return Number(text);
  const index = names.indexOf(text.toLowerCase());
  return index === -1 ? undefined : least + index;
}
