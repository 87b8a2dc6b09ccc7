import type { Side } from "./comparison.ts";
import { missing } from "./format.ts";
import { html, type Html } from "./html.ts";
import { renderTable } from "./plots/figure.ts";
import { sideKey } from "./plots/side-mark.ts";
import { linkTo } from "./report-links.ts";

const rows: readonly (readonly [name: string, of: (side: Side) => string | Html])[] = [
  ["stack", ({ stack }) => stack],
  ["variant", ({ variant }) => variant],
  [
    "run",
    (side) =>
      html`${side.measurement} (<a href="${linkTo.raw(side)}">raw samples</a>,
        <a href="${linkTo.manifest(side)}">manifest</a>)`,
  ],
  ["plan's SHA-256", ({ planDigest }) => planDigest],
  ["series", ({ series }) => String(series)],
  ["measured", ({ measured }) => (measured === null ? missing : `${measured.from} to ${measured.to}`)],
  [
    "blocks",
    ({ blocks }) =>
      `${blocks.sealed} of ${blocks.planned} sealed, ${blocks.partial} partial, ${blocks.missing} missing, ${blocks.invalid} invalid`,
  ],
  ["site", ({ site }) => site],
  ["model's node", ({ nodes }) => describeNode(nodes.model)],
  ["runner's node", ({ nodes }) => describeNode(nodes.runner)],
  ["model", ({ model }) => `${model.reference}, ${model.digest}`],
  ["Ollama", ({ versions, images }) => `${versions.ollama.join(", ") || missing}, ${images.ollama}`],
  ["runner", ({ images }) => images.runner],
  ["K3s", ({ versions }) => versions.k3s ?? missing],
  [
    "Bramble's source",
    ({ source }) => (source === null ? missing : `${source.commit}${source.dirty ? ", with uncommitted changes" : ""}`),
  ],
];

/** Where each side comes from: what it takes to measure it again. */
export function renderProvenance(sides: readonly Side[]): Html {
  return renderTable({
    id: "provenance-of-sides",
    caption: "Provenance",
    columns: ["", ...sides.map((_, index) => sideKey(index))],
    rows: rows.map(([name, of]) => [name, ...sides.map(of)]),
  });
}

function describeNode(node: Side["nodes"]["model"]): string {
  const { name, model, architecture, cpus, memoryMegabytes, pageSize, kernel } = node;
  return `${name}: ${model ?? "unknown board"}, ${architecture ?? missing}, ${cpus ?? missing} CPUs, ${memoryMegabytes ?? missing} MB, pages of ${pageSize ?? missing} bytes, kernel ${kernel ?? missing}`;
}
