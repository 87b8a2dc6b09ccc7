/**
 * One look at a node: a line of NDJSON, one a second. What the board or its kernel does not offer is null, never 0; a
 * file's last line can be torn by a power cut.
 */
export interface ProbeSample {
  /** Unix ms. */
  readonly at: number;
  /** Milliseconds since the node started, by a clock that is never set: what `at` is checked against. */
  readonly up: number;
  /** Busy fraction of all processors since the sample before, 0 to 1. Null in the first sample. */
  readonly cpu: number | null;
  /** Bytes. `available` as the kernel estimates it: what could be used without swapping. */
  readonly memory: { readonly total: number; readonly available: number };
  /** Bytes by "pod<uid>" or unit ("k3s.service"), the page cache that is charged to it included: a mapped model counts. */
  readonly cgroups: Readonly<Record<string, number>>;
  /** Hz, of the first processor: a Pi's four have one clock. */
  readonly frequency: number | null;
  /** Degrees Celsius, of the system on chip. */
  readonly temperature: number | null;
  /** The firmware's get_throttled bits: 0 to 3 what is so now, 16 to 19 what has been so. */
  readonly throttled: number | null;
  /** Revolutions a minute. */
  readonly fan: number | null;
  /** The whole board's, estimated from its power controller's rails: see stacks/nodes/preparation/power-meter.py. */
  readonly watts: number | null;
}

/** Ticks since the node started, summed over all processors. */
export interface ProcessorTime {
  readonly busy: number;
  readonly all: number;
}

/** Of /proc/stat, the first line: user, nice, system, idle, iowait, irq, softirq, steal; guests are in user (proc_stat(5)). */
export function parseProcessorTime(stat: string): ProcessorTime | null {
  const line = /^cpu +(\d+(?: \d+)*)/.exec(stat)?.[1];
  if (line === undefined) return null;
  const ticks = line.split(" ").map(Number).slice(0, 8);
  if (ticks.length < 4) return null;
  const all = ticks.reduce((sum, each) => sum + each, 0);
  return { busy: all - (ticks[3] ?? 0) - (ticks[4] ?? 0), all };
}

/** Between two readings; null where no tick lies between them. The kernel's idle figures can go back by some ticks. */
export function busyFraction(before: ProcessorTime | null, after: ProcessorTime | null): number | null {
  if (before === null || after === null || after.all <= before.all) return null;
  return Math.min(1, Math.max(0, (after.busy - before.busy) / (after.all - before.all)));
}

/** Of /proc/meminfo. @throws Error where the kernel does not say it: none that runs K3s is that old (3.14, 2014). */
export function parseMemory(meminfo: string): ProbeSample["memory"] {
  const bytes = (name: string): number => {
    const kibibytes = new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(meminfo)?.[1];
    if (kibibytes === undefined) throw new Error(`/proc/meminfo has no ${name}`);
    return Number(kibibytes) * 1024;
  };
  return { total: bytes("MemTotal"), available: bytes("MemAvailable") };
}

/** A file that holds one whole number: bytes of a control group, revolutions of a fan. */
export function parseNumber(text: string | null): number | null {
  const digits = text === null ? undefined : /^-?\d+(?=\n?$)/.exec(text)?.[0];
  return digits === undefined ? null : Number(digits);
}

/** cpufreq/scaling_cur_freq is in kHz (kernel, admin-guide/pm/cpufreq). In Hz. */
export function parseFrequency(text: string | null): number | null {
  const kilohertz = parseNumber(text);
  return kilohertz === null ? null : kilohertz * 1000;
}

/** thermal_zone0/temp is in thousandths of a degree (kernel, driver-api/thermal/sysfs-api). In degrees Celsius. */
export function parseTemperature(text: string | null): number | null {
  const thousandths = parseNumber(text);
  return thousandths === null ? null : thousandths / 1000;
}

/** The kernel writes get_throttled's bits in hexadecimal without a prefix, the power meter with one. */
export function parseThrottled(text: string | null): number | null {
  const digits = text === null ? undefined : /^(?:0x)?([0-9a-f]{1,8})(?=\n?$)/i.exec(text)?.[1];
  return digits === undefined ? null : parseInt(digits, 16);
}

/** Milliseconds after which the power meter's word is no longer about now. */
const staleAfter = 5_000;

/** What the power meter wrote, "<Unix ms> <value>\n", unless it is stale, or from the future as after a clock was set back. */
export function parseReading(text: string | null, now: number): string | null {
  const [, at, value] = (text === null ? null : /^(\d+) (\S+)\n$/.exec(text)) ?? [];
  return value === undefined || Math.abs(now - Number(at)) > staleAfter ? null : value;
}

/** Watts, as the power meter writes them. */
export function parseWatts(value: string | null): number | null {
  return value !== null && /^\d+(\.\d+)?$/.test(value) ? Number(value) : null;
}
