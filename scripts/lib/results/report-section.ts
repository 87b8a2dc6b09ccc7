import { html, type Html } from "./html.ts";

/** A part of the report that the list of contents leads to. */
export interface Section {
  readonly id: string;
  readonly title: string;
  readonly content: Html;
}

/** All sections, after a list of links to them. */
export function renderSections(sections: readonly Section[]): Html {
  return html`<nav class="contents" aria-label="Contents">
      <ul>
        ${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li> `)}
      </ul>
    </nav>
    ${sections.map(
      ({ id, title, content }) =>
        html`<h2 id="${id}">${title}</h2>
          ${content}`,
    )}`;
}
