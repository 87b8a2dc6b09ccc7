import type { Paper } from "./comparison.ts";
import { html, type Html } from "./html.ts";
import { renderTable } from "./plots/figure.ts";
import { paperRows } from "./side-tables.ts";

/** What was published, and what the memory lets expect, beside what was measured here. */
export function renderPaper(paper: Paper): Html {
  const tables = paperRows(paper).map(
    ({ title, rows: [columns = [], ...rows] }) =>
      html`<p>${title}</p>
        ${renderTable({ caption: title, columns, rows })}`,
  );
  return html`${tables}${paper.notes.map((note) => html`<p class="note">${note}</p> `)}`;
}
