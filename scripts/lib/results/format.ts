/** What stands where a figure is missing. */
export const missing = "–";

/** A figure with about three significant digits, in at most six characters. */
export function formatNumber(value: number | null): string {
  if (value === null) return missing;
  if (value !== 0 && (value < 0.01 || value >= 99_999.5)) return exponential(value);
  return value.toFixed(value >= 99.95 ? 0 : value >= 9.995 ? 1 : value >= 0.9995 ? 2 : 3);
}

export function formatRatio(ratio: number | null): string {
  if (ratio === null) return missing;
  return ratio < 0.01 || ratio >= 999.5 ? exponential(ratio) : ratio.toFixed(ratio < 9.9995 ? 3 : 1);
}

function exponential(value: number): string {
  return value.toExponential(1).replace("e+", "e");
}

export function formatInterval(interval: readonly [number, number] | null, format: (value: number) => string): string {
  return interval === null ? missing : `[${format(interval[0])}, ${format(interval[1])}]`;
}

/** A fraction as per cent, without the sign "%": two significant digits below 10. */
export function formatPercent(fraction: number): string {
  const percent = fraction * 100;
  return percent.toFixed(percent < 9.95 ? 1 : 0);
}

/** "p = 0.031" */
export function formatP(p: number): string {
  return p < 0.001 ? "p < 0.001" : `p = ${p.toPrecision(2)}`;
}

/** "2 of 30: timeout 1, error 1" */
export function formatFailures({ requests, failures }: { requests: number; failures: Record<string, number> }): string {
  const labels = Object.entries(failures).sort(([a], [b]) => (a < b ? -1 : 1));
  const failed = labels.reduce((sum, [, count]) => sum + count, 0);
  const detail = labels.map(([label, count]) => `${label} ${count}`).join(", ");
  return `${failed} of ${requests}${detail === "" ? "" : `: ${detail}`}`;
}

/** "a", "a and b", "a, b and c" */
export function enumerate(names: readonly string[]): string {
  return [...(names.length > 1 ? [names.slice(0, -1).join(", ")] : []), ...names.slice(-1)].join(" and ");
}

/** Breaks a text into lines at spaces, and a word that is longer than a line where the line ends. */
export function wrap(text: string, width: number, indent = ""): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((one) => pieces(one, width - indent.length))) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent + word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** Cells padded to their column's width, two spaces apart, each column to its side. */
export function alignRows(rows: readonly (readonly string[])[], sides: readonly ("left" | "right")[]): string[] {
  const widths = sides.map((_, column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        sides[column] === "left" ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
}

function pieces(word: string, length: number): string[] {
  return word.length <= length ? [word] : [word.slice(0, length), ...pieces(word.slice(length), length)];
}
