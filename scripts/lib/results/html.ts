/** Markup that is safe to put into a document as it is. */
export interface Html {
  readonly markup: string;
}

type Part = Html | readonly Part[] | string | number | null;

/** Builds markup from a template; whatever is filled in is escaped unless it is markup itself, and null is nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return {
    markup: strings.map((text, index) => (index === 0 ? "" : render(parts[index - 1] ?? null)) + text).join(""),
  };
}

function render(part: Part): string {
  if (part === null) return "";
  if (typeof part === "string" || typeof part === "number") return escape(String(part));
  return "markup" in part ? part.markup : part.map(render).join("");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? "");
}
