import { wrap } from "../results/format.ts";
import type { Finding } from "./finding.ts";

/** Columns of the terminal that the table keeps within. */
const width = 100;
/** Of the severity, and the most that a name may take. */
const [severityWidth, mostWhere] = [7, 20];

/** Findings as plain text: what is wrong, and below it what to do. */
export function renderFindings(findings: readonly Finding[]): string {
  if (findings.length === 0) return "";
  const whereWidth = Math.min(mostWhere, Math.max(5, ...findings.map(({ where }) => where.length)));
  const textWidth = width - severityWidth - whereWidth - 4;
  const rows = findings.flatMap(({ severity, where, what, next }) => {
    const names = broken(where, whereWidth);
    const texts = [...broken(what, textWidth), ...broken(`Next: ${next}`, textWidth, "  ")];
    return Array.from({ length: Math.max(names.length, texts.length) }, (_, index) =>
      row(index === 0 ? severity : "", names[index] ?? "", texts[index] ?? "", whereWidth),
    );
  });
  return `${[row("", "where", "what", whereWidth), ...rows].join("\n")}\n`;
}

function row(severity: string, where: string, text: string, whereWidth: number): string {
  return `${severity.padEnd(severityWidth)}  ${where.padEnd(whereWidth)}  ${text}`.trimEnd();
}

/** Lines no longer than the width, whatever the words are; lines of the text's own stay apart. */
function broken(text: string, columns: number, indent = ""): string[] {
  const room = columns - indent.length;
  const pieces = new RegExp(`\\S{${room}}(?=\\S)`, "gu");
  return text.split("\n").flatMap((line) => wrap(line.trim().replace(pieces, "$& "), columns, indent));
}
