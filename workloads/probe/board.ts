import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findCgroups } from "./cgroups.ts";
import { KernelFile } from "./kernel-file.ts";
import {
  busyFraction,
  parseFrequency,
  parseMemory,
  parseNumber,
  parseProcessorTime,
  parseReading,
  parseTemperature,
  parseThrottled,
  parseWatts,
  type ProbeSample,
  type ProcessorTime,
} from "./sample.ts";

/** Where the node's files lie, as the probe sees them. */
export interface Roots {
  /** Its /proc: only stat and meminfo are read. */
  readonly proc: string;
  readonly sys: string;
  /** Its /sys/fs/cgroup. */
  readonly cgroups: string;
  /** Where its power meter writes; may be empty. */
  readonly meter: string;
}

/** Milliseconds between looks for sensors and pods that came since. */
const lookInterval = 10_000;

/** Reads a node, again and again. */
export class Board {
  readonly #roots: Roots;
  readonly #stat: KernelFile;
  readonly #meminfo: KernelFile;
  readonly #frequency: KernelFile;
  readonly #temperature: KernelFile;
  readonly #throttled: KernelFile;
  readonly #fan: KernelFile;
  readonly #pods = new Map<string, KernelFile>();
  #processorTime: ProcessorTime | null = null;
  #looked = -Infinity;

  constructor(roots: Roots) {
    this.#roots = roots;
    const { proc, sys } = roots;
    this.#stat = new KernelFile(() => join(proc, "stat"));
    this.#meminfo = new KernelFile(() => join(proc, "meminfo"));
    this.#frequency = new KernelFile(() => join(sys, "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq"));
    this.#temperature = new KernelFile(() => join(sys, "class/thermal/thermal_zone0/temp"));
    this.#throttled = new KernelFile(() => findThrottled(sys));
    this.#fan = new KernelFile(() => findFan(sys));
  }

  /** @param at Unix ms @param up milliseconds since the node started */
  sample(at: number, up: number): ProbeSample {
    // Read first, so that firmware that tells it anew is not asked by way of the kernel too.
    const throttled = parseThrottled(this.#reading("throttled", at));
    if (up - this.#looked >= lookInterval) this.#look(up, throttled === null);
    const before = this.#processorTime;
    this.#processorTime = parseProcessorTime(this.#stat.read() ?? "");
    const cpu = busyFraction(before, this.#processorTime);
    return {
      at,
      up,
      cpu: cpu === null ? null : Math.round(cpu * 1e4) / 1e4,
      memory: parseMemory(this.#meminfo.read() ?? ""),
      cgroups: this.#readCgroups(),
      frequency: parseFrequency(this.#frequency.read()),
      temperature: parseTemperature(this.#temperature.read()),
      throttled: throttled ?? parseThrottled(this.#throttled.read()),
      fan: parseNumber(this.#fan.read()),
      watts: parseWatts(this.#reading("power", at)),
    };
  }

  close(): void {
    for (const file of [...this.#sensors(), this.#throttled, ...this.#pods.values()]) file.close();
  }

  #sensors(): KernelFile[] {
    return [this.#stat, this.#meminfo, this.#frequency, this.#temperature, this.#fan];
  }

  #look(up: number, askKernel: boolean): void {
    this.#looked = up;
    for (const file of this.#sensors()) file.look();
    if (askKernel) this.#throttled.look();
    const found = findCgroups(this.#roots.cgroups);
    for (const [key, file] of this.#pods) {
      if (found.has(key)) continue;
      file.close();
      this.#pods.delete(key);
    }
    for (const [key, path] of found) {
      const file = this.#pods.get(key) ?? new KernelFile(() => path);
      file.look();
      this.#pods.set(key, file);
    }
  }

  #readCgroups(): Record<string, number> {
    const bytes: Record<string, number> = {};
    for (const [key, file] of this.#pods) {
      const number = parseNumber(file.read());
      if (number !== null) bytes[key] = number;
    }
    return bytes;
  }

  /** The meter replaces its files: there is nothing to keep open. */
  #reading(name: string, now: number): string | null {
    const path = join(this.#roots.meter, name);
    // Most nodes that are no Pi have none: an exception each second is dear.
    return existsSync(path) ? parseReading(readFileSync(path, "latin1"), now) : null;
  }
}

/**
 * "soc/soc:firmware" or, on a Pi 5, "soc@107c000000/soc@107c000000:firmware". Raspberry Pi's kernels had it up to 6.12
 * (raspberrypi/linux #6697, March 2025), and wrote a warning to their log when it was first read; its upper bits hold what
 * has been so since the kernel last asked, 2 s ago at most (drivers/hwmon/raspberrypi-hwmon.c), not since boot. So it only
 * stands in for the power meter, which asks the firmware.
 */
function findThrottled(sys: string): string | undefined {
  const platform = join(sys, "devices/platform");
  for (const soc of namesIn(platform).filter((name) => /^soc(@|$)/.test(name)))
    for (const device of namesIn(join(platform, soc)).filter((name) => name.endsWith(":firmware"))) {
      const path = join(platform, soc, device, "get_throttled");
      if (existsSync(path)) return path;
    }
  return undefined;
}

/** The hardware monitor that the fan's driver makes (kernel, drivers/hwmon/pwm-fan.c); their numbers change from boot to boot. */
function findFan(sys: string): string | undefined {
  const monitors = join(sys, "class/hwmon");
  return namesIn(monitors)
    .filter((monitor) => textOf(join(monitors, monitor, "name")) === "pwmfan\n")
    .map((monitor) => join(monitors, monitor, "fan1_input"))
    .find((path) => existsSync(path));
}

function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).sort() : [];
}

function textOf(path: string): string | null {
  return existsSync(path) ? readFileSync(path, "latin1") : null;
}
