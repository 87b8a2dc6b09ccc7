/** `node filter-command.ts <layer>`: the layer without the libraries for graphics cards, on stdout. */
import { pipeline } from "node:stream/promises";
import { withoutGpuLibraries } from "../../../../scripts/lib/bundle/layer.ts";

await pipeline(
  withoutGpuLibraries(process.argv[2] ?? "", () => undefined),
  process.stdout,
);
