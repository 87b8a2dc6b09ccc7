/** Answers of the suite edge-operations worked out anew from the text of the questions, and reference answers to those that can't be. */

type Worked = (match: RegExpExecArray) => number | string;

const number = (address: string) => address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
const text = (value: number) => [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
const size = (prefix: string) => 2 ** (32 - Number(prefix));
const start = (address: string, prefix: string) => Math.floor(number(address) / size(prefix)) * size(prefix);
const n = (match: RegExpExecArray, group: number) => Number(match[group]);
const s = (match: RegExpExecArray, group: number) => match[group] ?? "";

/** The shortest form of an IPv6 address, by the rules of RFC 5952, without a library. */
function shortest(address: string): string {
  const groups = address.split(":").map((group) => Number.parseInt(group, 16).toString(16));
  const runs = groups.map((_, from) => {
    let length = 0;
    while (groups[from + length] === "0") length++;
    return { from, length };
  });
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best));
  if (longest.length < 2) return groups.join(":");
  return `${groups.slice(0, longest.from).join(":")}::${groups.slice(longest.from + longest.length).join(":")}`;
}

/** A question's pattern, and how its answer is worked out from what stands in it. */
export const worked: readonly (readonly [RegExp, Worked])[] = [
  [/usable host addresses has an IPv4 network with the prefix \/(\d+)/, (m) => size(s(m, 1)) - 2],
  [/broadcast address of the network ([\d.]+)\/(\d+)/, (m) => text(start(s(m, 1), s(m, 2)) + size(s(m, 2)) - 1)],
  [/has the address ([\d.]+)\/(\d+)\. What is the address of its network/, (m) => text(start(s(m, 1), s(m, 2)))],
  [/prefix length has the netmask ([\d.]+)\?/, (m) => number(s(m, 1)).toString(2).replaceAll("0", "").length],
  [/Write the prefix \/(\d+) as a dotted netmask/, (m) => text(2 ** 32 - size(s(m, 1)))],
  [/how many networks of \/(\d+) can [\d.]+\/(\d+) be divided/, (m) => 2 ** (n(m, 1) - n(m, 2))],
  [
    /Are ([\d.]+) and ([\d.]+) in the same network when the prefix is \/(\d+)/,
    (m) => (start(s(m, 1), s(m, 3)) === start(s(m, 2), s(m, 3)) ? "yes" : "no"),
  ],
  [/addresses for (\d+) devices in one IPv4 network/, (m) => 32 - Math.ceil(Math.log2(n(m, 1) + 2))],
  [/last usable host address of ([\d.]+)\/(\d+)/, (m) => text(start(s(m, 1), s(m, 2)) + size(s(m, 2)) - 2)],
  [/first usable host address of ([\d.]+)\/(\d+)/, (m) => text(start(s(m, 1), s(m, 2)) + 1)],
  [/IPv6 address (\S+) in its shortest form/, (m) => shortest(s(m, 1))],
  [/file of ([\d.]+) megabytes .* link of ([\d.]+) Mbit\/s/, (m) => (n(m, 1) * 8) / n(m, 2)],
  [/update of ([\d.]+) GB .* link of ([\d.]+) kbit\/s/, (m) => (n(m, 1) * 8_000_000) / n(m, 2) / 3600],
  [/sends (\d+) bytes every 10 seconds.* in 30 days/, (m) => (n(m, 1) * 6 * 60 * 24 * 30) / 1e6],
  [/battery of ([\d.]+) Ah at ([\d.]+) V feeds a load of ([\d.]+) W/, (m) => (n(m, 1) * n(m, 2)) / n(m, 3)],
  [
    /battery of ([\d.]+) Ah at ([\d.]+) V may be discharged by (\d+) percent only.* feed ([\d.]+) W/,
    (m) => (n(m, 1) * n(m, 2) * n(m, 3)) / 100 / n(m, 4),
  ],
  [/load takes ([\d.]+) W all the time.* in (\d+) hours/, (m) => (n(m, 1) * n(m, 2)) / 1000],
  [/sends at (-?\d+) dBm\. How many milliwatts/, (m) => 10 ** (n(m, 1) / 10)],
  [/sends at (\d+) mW\. How many dBm/, (m) => 10 * Math.log10(n(m, 1))],
  [
    /sends at (\d+) dBm\. Both antennas together gain (\d+) dB, and the path loses (\d+) dB/,
    (m) => n(m, 1) + n(m, 2) - n(m, 3),
  ],
  [/How many bytes are ([\d.]+) GiB/, (m) => n(m, 1) * 1024 ** 3],
  [/writes (\d+) tokens in ([\d.]+) seconds.* one minute/, (m) => (n(m, 1) / n(m, 2)) * 60],
  [/takes ([\d.]+) W while a model writes ([\d.]+) tokens per second/, (m) => n(m, 1) / n(m, 2)],
  [/has ([\d.]+) billion parameters of ([\d.]+) bits/, (m) => (n(m, 1) * n(m, 2)) / 8],
  [/up ([\d.]+) percent of the time.* 30 days/, (m) => 30 * 24 * 60 * (1 - n(m, 1) / 100)],
  [/Fahrenheit are (-?\d+) degrees Celsius/, (m) => n(m, 1) * 1.8 + 32],
  [/4 to 20 mA for 0 to 10 bar\. It gives (\d+) mA/, (m) => ((n(m, 1) - 4) / 16) * 10],
  [/200 kilometres in a millisecond.* (\d+) km away and back/, (m) => (n(m, 1) * 2) / 200],
];

/** The numbers that the logs of these items hold or come to, read by a person a second time. */
export const readAgain: Readonly<Record<string, number>> = {
  "log-reading-002": 8,
  "log-reading-003": 10,
  "log-reading-005": 3,
  "log-reading-007": 6_120_040,
  "log-reading-008": 412.6,
  "log-reading-010": 3,
  "log-reading-014": 2,
  "log-reading-016": 357,
  "log-reading-017": 3,
  "log-reading-018": 141,
  "log-reading-019": 30,
  "log-reading-021": 2,
  "log-reading-023": 19,
  "log-reading-024": 65,
  "log-reading-025": 84.6,
  "log-reading-028": 2,
  "log-reading-029": 200,
  "log-reading-030": 40,
  "log-reading-031": -109,
  "log-reading-034": 42,
  "log-reading-038": 3,
  "log-reading-039": 900,
  "log-reading-040": 38,
};

/** For each command that is asked for: one that is right, and one that a beginner might take for it. */
export const commands: readonly (readonly [right: string, wrong: string])[] = [
  ["ip route", "ip rule"],
  ["ip addr show", "ip link"],
  ["ip neigh", "ip route"],
  ["kubectl get nodes", "kubectl nodes"],
  ["kubectl get pods -A", "kubectl get pods"],
  ["kubectl logs web-1", "kubectl get web-1"],
  ["kubectl describe node pi-2", "kubectl get node pi-2"],
  ["kubectl cordon pi-2", "kubectl drain pi-2"],
  ["kubectl uncordon pi-2", "kubectl cordon pi-2"],
  ["kubectl scale deployment web --replicas=3", "kubectl scale web"],
  ["sudo systemctl restart chrony", "systemctl reload chrony"],
  ["systemctl status k3s", "systemctl start k3s"],
  ["journalctl -b -u k3s", "journalctl -u k3s"],
  ["journalctl -kf", "journalctl -f"],
  ["df -h", "du -h"],
  ["free -m", "free -g"],
  ["lsblk -f", "lsblk"],
  ["ss -tln", "ss -un"],
  ["scp a.log pi@pi-1:", "scp a.log pi-1"],
  ["sha256sum os.img", "md5sum os.img"],
  ["chmod u+x run.sh", "chmod u+r run.sh"],
  ["ping -c 4 10.0.0.1", "ping 10.0.0.1"],
  ["vcgencmd get_throttled", "vcgencmd measure_temp"],
  ["ollama list", "ollama ps"],
];

/** An answer that a schema of the suite allows: its constants, the first of its choices, and what its patterns ask for. */
export function allowedBy(schema: Record<string, unknown>): unknown {
  if ("const" in schema) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum[0] as unknown;
  if (Array.isArray(schema.prefixItems)) return (schema.prefixItems as Record<string, unknown>[]).map(allowedBy);
  if (typeof schema.pattern === "string") return schema.pattern.replace(/\|.*$/, "").replace(/\[(.).*?\]/g, "$1");
  const properties = schema.properties as Record<string, Record<string, unknown>>;
  return Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, allowedBy(value)]));
}
