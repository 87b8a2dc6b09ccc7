import { setImmediate } from "node:timers/promises";
import type { Clock } from "../stacks/clock.ts";

interface Timer {
  readonly at: number;
  readonly fire: () => void;
}

/** A clock whose time passes only when nobody has anything left to do: hours in a blink, and the same each time. */
export class VirtualClock implements Clock {
  #now = 0;
  #timers: Timer[] = [];

  now(): number {
    return this.#now;
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) {
        resolve();
        return;
      }
      const timer = { at: this.#now + milliseconds, fire: resolve };
      this.#timers.push(timer);
      signal?.addEventListener("abort", () => {
        this.#timers = this.#timers.filter((one) => one !== timer);
        resolve();
      });
    });
  }

  /** Lets time pass until the work is done. */
  async run<T>(work: Promise<T>): Promise<T> {
    const state = { over: false };
    void work
      .catch(() => undefined)
      .then(() => {
        state.over = true;
      });
    for (;;) {
      // All promises that can settle by themselves do so before this returns.
      await setImmediate();
      if (state.over) return await work;
      const next = this.#timers.reduce<Timer | undefined>(
        (first, timer) => (first === undefined || timer.at < first.at ? timer : first),
        undefined,
      );
      if (next === undefined) throw new Error("all wait, and nothing is to come");
      this.#timers = this.#timers.filter((one) => one !== next);
      this.#now = next.at;
      next.fire();
    }
  }
}
