import { UserError } from "../stacks/user-error.ts";
import type { Bench } from "./bench/figure.ts";
import { runMain } from "./lib/main.ts";

/** Loaded when asked for: one area's tools are no concern of another's. */
const areas: Readonly<Record<string, () => Promise<Bench>>> = {
  cards: async () => (await import("./bench/cards.ts")).benchCards,
  nodes: async () => (await import("./bench/nodes.ts")).benchNodes,
  measurement: async () => (await import("./bench/measurement.ts")).benchMeasurement,
  statistics: async () => (await import("./bench/statistics.ts")).benchStatistics,
  "real-pairs": async () => (await import("./bench/real-pairs.ts")).benchRealPairs,
  k3s: async () => (await import("./bench/k3s.ts")).benchK3s,
  results: async () => (await import("./bench/results.ts")).benchResults,
};

const usage = `Usage: npm run bench -- <area>    (${Object.keys(areas).join(", ")})

Measures, and prints one line of JSON per figure on stdout: name, value, unit, baseline, ratio, and what belongs to it.
Progress goes to stderr.

cards   writing and verifying a card, against dd and reading back
nodes   an up with nothing to do, and a bootstrap by the number of nodes, on twins (root, some minutes)
measurement  what the benchmark's client, its schedule and the probe add to what they measure (root, some minutes)
statistics  how often a comparison decides wrongly, and rightly, on simulated runs whose truth is known (a minute)
real-pairs  the same of stacks that differ in nothing, measured on a twin (root, half an hour)
k3s     installing against the least that it takes, and requests that fail during an upgrade, on twins (root, half an hour)
results comparing a million records of requests: time, memory, how both grow, and how fast the report opens (some minutes)
`;

await runMain(async ({ signal, defer }) => {
  const [area = "", ...rest] = process.argv.slice(2);
  if (area === "--help") {
    process.stdout.write(usage);
    return;
  }
  const load = Object.hasOwn(areas, area) ? areas[area] : undefined;
  if (load === undefined || rest.length > 0)
    throw new UserError({
      what: `there are no figures of "${[area, ...rest].join(" ")}"`,
      next: "npm run bench -- --help names the areas",
    });
  const bench = await load();
  await bench({
    signal,
    defer,
    report: (figure) => {
      console.log(JSON.stringify(figure));
    },
  });
});
