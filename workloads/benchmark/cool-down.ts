import { get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Plan } from "./plan.ts";

/** How warm the serving node was when a run began (degrees Celsius), and how long it was waited for (seconds). */
export interface Cooled {
  readonly temperature: number | null;
  readonly cooledFor: number;
}

const pollInterval = 2_000;
const probeTimeout = 2_000;

/**
 * Waits until the serving node is as cool as the plan wants it, at most as long as the plan says. Where no probe tells
 * the temperature nothing is waited for: null is journalled, and a report says that nobody looked.
 */
export async function coolDown(wanted: Plan["coolDown"], probe: URL | null, signal: AbortSignal): Promise<Cooled> {
  const started = performance.now();
  const waited = () => Math.round((performance.now() - started) / 100) / 10;
  for (;;) {
    signal.throwIfAborted();
    const temperature = probe === null ? null : await temperatureOf(probe);
    const done = wanted === null || temperature === null || temperature <= wanted.below || waited() >= wanted.limit;
    if (done) return { temperature, cooledFor: waited() };
    await sleep(pollInterval, undefined, { signal });
  }
}

/** The probe's last sample tells it; null where it does not, or does not answer. */
async function temperatureOf(probe: URL): Promise<number | null> {
  try {
    const sample = JSON.parse(await read(probe)) as { temperature?: unknown };
    return typeof sample.temperature === "number" ? sample.temperature : null;
  } catch {
    return null;
  }
}

function read(url: URL): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = get(url, { timeout: probeTimeout }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => {
        resolve(text);
      });
      response.on("error", reject);
    });
    call.on("timeout", () => call.destroy(new Error("the probe did not answer")));
    call.on("error", reject);
  });
}
