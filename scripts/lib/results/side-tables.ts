import type { Comparison, Paper, Pareto } from "./comparison.ts";
import { formatInterval, formatNumber, formatPercent, missing } from "./format.ts";

const dimensionLabels: Readonly<Record<Pareto["dimensions"][number], string>> = {
  accuracy: "right, %",
  decodeRate: "tokens/s",
  joulesPerToken: "J per token",
};

/** A row for each variant of the compared runs, below a row of titles. */
export function paretoRows({ pareto: { dimensions, points } }: Pick<Comparison, "pareto">): string[][] {
  const names = Object.keys(dimensionLabels) as Pareto["dimensions"];
  const front = points.map(({ onFront }) => (onFront === null ? "not known" : onFront ? "yes" : "no"));
  const of = dimensions.map((name) => dimensionLabels[name].replace(/,? .*/, "")).join(", ") || "nothing";
  return [
    ["variant", ...names.map((name) => dimensionLabels[name]), `front of ${of}`],
    ...points.map((point, place) => [
      point.label,
      percent(point.accuracy),
      formatNumber(point.decodeRate),
      formatNumber(point.joulesPerToken),
      front[place] ?? missing,
    ]),
  ];
}

/** A table for each published figure, then the prediction, each with its source in the title. */
export function paperRows({ anchors, roofline }: Paper): { title: string; rows: string[][] }[] {
  const sourceOf = ({ name, address }: Paper["roofline"]["source"]) =>
    address === null ? name : `${name}, ${address}`;
  return [
    ...anchors.map(({ name, unit, low, high, source, measured }) => {
      const show = unit === "share" ? percent : formatNumber;
      const title = unit === "share" ? `${name}, %` : name;
      const range = low === null ? `under ${show(high)}` : `${show(low)} to ${show(high)}`;
      return {
        title: `${title}: published are ${range} (${sourceOf(source)})`,
        rows: [
          ["  measured", title, "published", "place"],
          ...measured.map((one) => [
            `  ${one.label}, ${one.scenario}`,
            show(one.value),
            range,
            one.place ?? "not known",
          ]),
        ],
      };
    }),
    {
      title: `tokens/s by the memory's bandwidth (${sourceOf(roofline.source)})`,
      rows: [
        ["  measured", "tokens/s", "predicted", "off by, %"],
        ...roofline.measured.map(({ label, scenario, value, predicted, error }) => [
          `  ${label}, ${scenario}`,
          formatNumber(value),
          formatInterval(predicted, formatNumber),
          error === null ? missing : (error * 100).toFixed(0),
        ]),
      ],
    },
  ];
}

function percent(share: number | null): string {
  return share === null ? missing : formatPercent(share);
}
