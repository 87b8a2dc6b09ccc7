/** wrong: something does not work, or an update would refuse; warning: it will not go well for ever; note: good to know. */
export type Severity = "wrong" | "warning" | "note";

/** Something that a look at a site showed. */
export interface Finding {
  readonly severity: Severity;
  /** A node's name, or what else of the site it is about: stack, cluster, bastion. */
  readonly where: string;
  readonly what: string;
  /** What to do about it. */
  readonly next: string;
}

const severities: readonly Severity[] = ["wrong", "warning", "note"];

/** Worst first; among equals the site as a whole before its nodes, these in the configuration's order. */
export function sortFindings(findings: readonly Finding[], nodes: readonly string[]): Finding[] {
  const rank = ({ severity, where }: Finding) =>
    severities.indexOf(severity) * (nodes.length + 1) + nodes.indexOf(where);
  return findings.toSorted((one, other) => rank(one) - rank(other));
}

/** "2 wrong, 1 warning, 3 notes" */
export function countFindings(findings: readonly Finding[]): string {
  const count = (severity: Severity) => findings.filter((finding) => finding.severity === severity).length;
  const plural = (number: number, word: string) => `${number} ${word}${number === 1 ? "" : "s"}`;
  return `${count("wrong")} wrong, ${plural(count("warning"), "warning")}, ${plural(count("note"), "note")}`;
}

/**
 * Parts a line that says what is wrong and, after a colon or in a last sentence, what to do about it.
 * @param otherwise what to do where the line does not say it
 */
export function splitAdvice(line: string, otherwise: string): Pick<Finding, "what" | "next"> {
  const [, what, next] = /^(.*?)\. ((?=[A-Z]).*)$/s.exec(line) ?? /^(.*?): (.*)$/s.exec(line) ?? [];
  if (what === undefined || next === undefined) return { what: line, next: otherwise };
  return { what, next: `${next.slice(0, 1).toLowerCase()}${next.slice(1)}` };
}
