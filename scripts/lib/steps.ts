/** Reports what a step is doing; shown on a terminal, and in a log where the step is long. */
export type Report = (line: string) => void;

export interface StepTime {
  readonly title: string;
  readonly seconds: number;
  readonly result: string;
}

/** Milliseconds between two reports that a log keeps of one step. */
const logInterval = 15_000;

/**
 * Runs named steps and prints, for each, what it is and how long it took. Steps may run at the same time.
 * On a terminal the running steps are a line that is redrawn; elsewhere a line every 15 s shows that they live.
 */
export class Steps {
  readonly times: StepTime[] = [];
  readonly #output: NodeJS.WriteStream;
  readonly #running = new Map<string, string>();
  #drawn = false;

  constructor(output: NodeJS.WriteStream = process.stdout) {
    this.#output = output;
  }

  /**
   * @param work returns the step's value, or nothing; what it reports last is shown beside the time
   */
  async run<Value>(title: string, work: (report: Report) => Promise<Value>): Promise<Value> {
    const started = performance.now();
    let last = "";
    let printed = started;
    this.#running.set(title, "");
    this.#draw();
    const report = (line: string) => {
      last = line;
      this.#running.set(title, line);
      if (this.#output.isTTY) this.#draw();
      else if (performance.now() - printed > logInterval) {
        printed = performance.now();
        this.#output.write(`  ... ${title}: ${line}\n`);
      }
    };
    try {
      const value = await work(report);
      const seconds = (performance.now() - started) / 1000;
      this.times.push({ title, seconds, result: last });
      this.print(`[${duration(seconds)}] ${title}${last === "" ? "" : `: ${last}`}`);
      return value;
    } finally {
      this.#running.delete(title);
      this.#draw();
    }
  }

  /** Prints a line above the line of running steps. */
  print(line: string): void {
    this.#erase();
    this.#output.write(`${line}\n`);
    this.#draw();
  }

  #erase(): void {
    if (this.#drawn) this.#output.write("\r\x1b[K");
    this.#drawn = false;
  }

  #draw(): void {
    if (!this.#output.isTTY) return;
    this.#erase();
    if (this.#running.size === 0) return;
    const line = [...this.#running].map(([title, doing]) => (doing === "" ? title : `${title}: ${doing}`)).join(" | ");
    this.#output.write(line.replaceAll(/\s+/g, " ").slice(0, this.#output.columns - 1));
    this.#drawn = true;
  }
}

/** Seconds as a person reads them, in a fixed width. */
export function duration(seconds: number): string {
  const text =
    seconds < 99.95 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return text.padStart(8);
}
