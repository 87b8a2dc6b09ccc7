/** Reports what a step is doing; shown on a terminal, and in a log where the step is long. */
export type Report = (line: string) => void;

/** Milliseconds between two signs of life of a long step in a log, and on a terminal. */
const interval = { log: 30_000, terminal: 1_000 };

/**
 * Runs named steps and prints, for each, what it is and how long it took. Steps may run at the same time.
 * On a terminal the running steps are a line that is redrawn; elsewhere a line every 30 s shows that they live.
 */
export class Steps {
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
    const elapsed = () => (performance.now() - started) / 1000;
    const show = () => {
      this.#running.set(title, `${last} ${Math.round(elapsed())} s`);
      this.#draw();
      if (!this.#output.isTTY) this.#output.write(`  ... ${title}: ${last} (${Math.round(elapsed())} s)\n`);
    };
    const sign = setInterval(show, this.#output.isTTY ? interval.terminal : interval.log);
    const report = (line: string) => {
      last = line;
      this.#running.set(title, line);
      this.#draw();
    };
    report("");
    try {
      const value = await work(report);
      this.print(`[${duration(elapsed())}] ${title}${last === "" ? "" : `: ${last}`}`);
      return value;
    } finally {
      clearInterval(sign);
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
  const whole = Math.round(seconds);
  const text = seconds < 99.95 ? `${seconds.toFixed(1)} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return text.padStart(9);
}
