import test from "ava";
import { html } from "../../../../scripts/lib/results/html.ts";

test("what is filled in is escaped, in text and in attributes", (t) => {
  t.is(html`<a title="${`"'`}">${"<script>&"}</a>`.markup, `<a title="&quot;&#39;">&lt;script&gt;&amp;</a>`);
});

test("markup, lists, numbers and nothing", (t) => {
  const items = [1, 2].map((number) => html`<li>${number}</li>`);
  // prettier-ignore
  t.is(html`<ul>${items}</ul>${null}`.markup, "<ul><li>1</li><li>2</li></ul>");
});
