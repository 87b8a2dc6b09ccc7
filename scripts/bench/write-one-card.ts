/**
 * What `npm run bench -- cards` runs for one card, in a process of its own, so that its memory is its own: `node write-one-card.ts
 * image size to`. Prints seconds and the peaks of resident memory, in MB, of itself and of xz (null where that did not run).
 */
import { readdirSync, readFileSync } from "node:fs";
import { siteSchema } from "../../stacks/config/site.ts";
import { cardContent } from "../../stacks/cards/card-content.ts";
import { writeCard } from "../../stacks/cards/write-card.ts";
import { generateRootSecret } from "../../stacks/keys/root-secret.ts";
import { deriveSiteKeys } from "../../stacks/keys/site-keys.ts";
import { timed } from "./paired.ts";

const [path = "", size = "", to = ""] = process.argv.slice(2);
const sha256 = "0".repeat(64);
const site = siteSchema.parse({
  name: "bench",
  image: { file: path, sha256 },
  network: { prefix: 24, gateway: "192.168.7.1" },
  nodes: { "pi-1": { role: "server", address: "192.168.7.11" } },
  k3s: { version: "v1.34.2+k3s1", binary: { file: "k3s", sha256 } },
});
const system = "raspberry-pi-os";
const keys = deriveSiteKeys(generateRootSecret(), site);
const content = cardContent({ site, node: "pi-1", keys, system, wifiPassword: undefined });

/** Peak MB of this process' children of a name, from /proc while they run. */
function watchChildren(name: string): { stop: () => number | null } {
  let peak = 0;
  const timer = setInterval(() => {
    for (const task of readdirSync("/proc/self/task"))
      for (const child of readFileSync(`/proc/self/task/${task}/children`, "utf8").split(" ").filter(Boolean))
        peak = Math.max(peak, peakOf(child, name));
  }, 100);
  return {
    stop: () => {
      clearInterval(timer);
      return peak === 0 ? null : peak;
    },
  };
}

function peakOf(pid: string, name: string): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    if (/^Name:\s+(.*)$/m.exec(status)?.[1] !== name) return 0;
    return (Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024) / 1e6;
  } catch {
    return 0; // It has ended meanwhile.
  }
}

const xz = watchChildren("xz");
const image = { path, sha256, size: Number(size), system } as const;
const seconds = await timed(() => writeCard({ image, content, to }));
console.log(JSON.stringify({ seconds, memory: (process.resourceUsage().maxRSS * 1024) / 1e6, memoryOfXz: xz.stop() }));
