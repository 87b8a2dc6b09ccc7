import { raspberryPi5 } from "../../../workloads/ollama/predict.ts";
import type { Paper, Side, SideSummary } from "./comparison.ts";

type Anchor = Omit<Paper["anchors"][number], "measured"> & { readonly of: (summary: SideSummary) => number | null };

const abstract = { name: 'abstract of "Generative AI on the Edge", 2024', address: "https://arxiv.org/abs/2411.17712" };

/** What the paper's abstract says of a Raspberry Pi 5 that writes with models of the classes of Yi, Phi and Llama 3. */
const anchors: readonly Anchor[] = [
  { name: "tokens/s", unit: "tokens/s", low: 5, high: 12, source: abstract, of: ({ decodeRate }) => decodeRate },
  { name: "CPU in use", unit: "share", low: null, high: 0.5, source: abstract, of: ({ cpu }) => cpu },
  { name: "RAM in use", unit: "share", low: null, high: 0.5, source: abstract, of: ({ memory }) => memory },
];

const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(1);

const roofline = {
  name: `a token reads all weights that it uses and the KV cache: ${gigabytes(raspberryPi5.low)} to ${gigabytes(raspberryPi5.high)} of the ${gigabytes(raspberryPi5.peak)} GB/s of a Pi 5's LPDDR4X-4267 on 32 bits (workloads/ollama/predict.ts)`,
  address: null,
};

/** Published figures and the prediction from the memory's bandwidth, beside what was measured. */
export function paperOf(sides: readonly Side[], summaries: readonly (readonly SideSummary[])[]): Paper {
  const all = sides.flatMap(({ label }, side) =>
    (summaries[side] ?? []).map((summary) => ({ label, scenario: summary.scenario, summary })),
  );
  return {
    anchors: anchors.map(({ of, ...anchor }) => ({
      ...anchor,
      measured: all.map(({ label, scenario, summary }) => {
        const value = of(summary);
        return { label, scenario, value, place: value === null ? null : placeOf(value, anchor) };
      }),
    })),
    roofline: {
      source: roofline,
      measured: all.map(({ label, scenario, summary: { decodeRate, predicted } }) => ({
        ...{ label, scenario, value: decodeRate, predicted },
        error: decodeRate === null || predicted === null ? null : decodeRate / ((predicted[0] + predicted[1]) / 2) - 1,
      })),
    },
    notes: [
      "The paper's tables, data sets and number of nodes are not public: these are the figures of its abstract, and nothing here replicates it.",
      ...machineNotes(sides),
    ],
  };
}

function placeOf(value: number, { low, high }: Pick<Anchor, "low" | "high">): "below" | "within" | "above" {
  if (low !== null && value < low) return "below";
  return high !== null && value > high ? "above" : "within";
}

function machineNotes(sides: readonly Side[]): string[] {
  const others = sides.filter(({ nodes }) => nodes.model.model?.startsWith("Raspberry Pi 5") !== true);
  if (others.length === 0) return [];
  const labels = others.map(({ label }) => label).join(", ");
  return [
    `${labels}: not measured on a Raspberry Pi 5. The figures are that machine's; the paper's and the prediction are a Pi 5's, and can't be held against them.`,
  ];
}
