import { html, type Html } from "../html.ts";

/** A plot with what belongs to it. The table says the same in words, for those who can't see the plot. */
export function figure(of: {
  /** In the address of the page. */
  readonly id: string;
  readonly caption: Html | string;
  readonly plots: readonly (Html | null)[];
  readonly table?: Table;
}): Html {
  const { id, caption, plots, table } = of;
  return html`<figure id="${id}">
    <figcaption>${caption}</figcaption>
    ${plots}${
      table === undefined
        ? null
        : html`<details>
            <summary>The figures as a table</summary>
            ${renderTable(table)}
          </details> `
    }
  </figure> `;
}

export interface Table {
  /** For links to it. */
  readonly id?: string;
  readonly caption: string;
  readonly columns: readonly (Html | string)[];
  /** Each begins with what it is about. */
  readonly rows: readonly (readonly (Html | string | number | null)[])[];
}

export function renderTable({ id, caption, columns, rows }: Table): Html {
  return html`<section class="wide" ${id === undefined ? null : html` id="${id}"`} tabindex="0" aria-label="${caption}">
    <table>
      <thead>
        <tr>
          ${columns.map((column) => (column === "" ? html`<td></td>` : html`<th scope="col">${column}</th>`))}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ([name, ...cells]) =>
            html`<tr>
              <th scope="row">${name ?? null}</th>
              ${cells.map((cell) => html`<td>${cell}</td>`)}
            </tr> `,
        )}
      </tbody>
    </table>
  </section> `;
}

/** Stands where a plot would be empty. */
export function noPlot(sentence: string): Html {
  return html`<p class="no-plot">${sentence}</p> `;
}
