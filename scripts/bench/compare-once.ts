/** Compares as `npm run compare` does, in a directory of results that is given, and prints { megabytes, processorSeconds }: its peak memory, its time. */
import { readFile } from "node:fs/promises";
import { compare } from "../compare.ts";
import { resultsLayout } from "../lib/results/layout.ts";

const [directory, ...args] = process.argv.slice(2);
await compare(args, resultsLayout(directory));
// getrusage's maximum would include that of the process that started this one (getrusage(2) keeps it over execve).
const peak = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile("/proc/self/status", "utf8"))?.[1];
const { user, system } = process.cpuUsage();
console.log(JSON.stringify({ megabytes: (Number(peak) * 1024) / 1e6, processorSeconds: (user + system) / 1e6 }));
