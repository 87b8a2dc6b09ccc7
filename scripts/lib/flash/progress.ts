import type { TerminalOutput } from "../ask.ts";
import { gigabytes, timeSpan } from "./words.ts";

/** Milliseconds between two signs of life. */
const interval = { log: 10_000, terminal: 200 };

const barWidth = 24;

/**
 * Shows how far a step that counts bytes is: a bar that is redrawn on a terminal, elsewhere a line every 10 s.
 */
export class Progress {
  readonly #output: TerminalOutput;
  readonly #now: () => number;
  #step = "";
  #started = 0;
  #startedAt = 0;
  #shown = 0;
  #last = 0;
  #drawn = false;

  /** @param now a monotonic clock in milliseconds */
  constructor(output: TerminalOutput, now: () => number = () => performance.now()) {
    this.#output = output;
    this.#now = now;
  }

  /**
   * @param done bytes, which may begin above 0 where a step goes on with what an earlier run left; fewer than before begin
   * the step anew
   * @param total bytes; undefined where nobody knows
   */
  show(step: string, done: number, total: number | undefined): void {
    const now = this.#now();
    if (step !== this.#step || done < this.#last) {
      this.clear();
      this.#step = step;
      this.#startedAt = now;
      this.#started = done;
      this.#shown = this.#output.isTTY === true ? -Infinity : now;
    }
    this.#last = done;
    const terminal = this.#output.isTTY === true;
    if (now - this.#shown < (terminal ? interval.terminal : interval.log)) return;
    this.#shown = now;
    const line = describeProgress({ step, done, total, since: this.#started, seconds: (now - this.#startedAt) / 1000 });
    // A terminal of unknown width says 0.
    const width = this.#output.columns === undefined || this.#output.columns === 0 ? 80 : this.#output.columns;
    if (!terminal) this.#output.write(`  ... ${line}\n`);
    else {
      const bar = total === undefined ? "" : ` ${drawBar(total === 0 ? 1 : done / total)}`;
      this.#output.write(`\r\x1b[K${`${step}${bar}${line.slice(step.length)}`.slice(0, width - 1)}`);
      this.#drawn = true;
    }
  }

  /** Removes the bar, so that something else can be written. */
  clear(): void {
    if (this.#drawn) this.#output.write("\r\x1b[K");
    this.#drawn = false;
    this.#step = "";
  }
}

/** For example `writing: 45 %, 21.3 MB/s, 75 s left`. */
export function describeProgress(at: {
  step: string;
  done: number;
  total: number | undefined;
  /** Bytes that were there when the step began. */
  since: number;
  seconds: number;
}): string {
  const { step, done, total, since, seconds } = at;
  const rate = seconds > 0 ? (done - since) / seconds : 0;
  const parts = [total === undefined || total === 0 ? gigabytes(done) : `${Math.floor((done / total) * 100)} %`];
  // Before the first second a rate says nothing.
  if (seconds >= 1 && rate > 0) {
    parts.push(`${gigabytes(rate)}/s`);
    if (total !== undefined && total > done) parts.push(`${timeSpan((total - done) / rate)} left`);
  }
  return `${step}: ${parts.join(", ")}`;
}

function drawBar(share: number): string {
  const filled = Math.min(barWidth, Math.max(0, Math.round(share * barWidth)));
  return `${"█".repeat(filled)}${"░".repeat(barWidth - filled)}`;
}
