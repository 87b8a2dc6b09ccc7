/**
 * The probe in its pod: looks at its node once a second, keeps what it saw in files, and tells the last of it to who
 * asks. Ends at SIGTERM, once all lies on the disk.
 */
import { createServer, type Server } from "node:http";
import { Board } from "./board.ts";
import { HourFiles } from "./hour-files.ts";
import { everySecond, monotonic } from "./ticks.ts";

/** Samples between two syncs: what a power cut may cost. Each wakes an SD card. */
const samplesPerSync = 10;

/** Milliseconds for which the same trouble is not told again. */
const silence = 60_000;

async function main(environment: NodeJS.ProcessEnv): Promise<void> {
  const value = (name: string): string => {
    const text = environment[name];
    if (!text) throw new Error(`${name} is not set`);
    return text;
  };
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"])
    process.once(signal, () => {
      stop.abort();
    });
  const board = new Board({
    proc: value("PROC"),
    sys: value("SYS"),
    cgroups: value("CGROUPS"),
    meter: value("METER"),
  });
  const output = value("OUTPUT");
  const files = new HourFiles(output, Number(value("SIZE_LIMIT")));
  const complain = rarely((error: unknown) => {
    console.error(`samples are not kept in ${output}: ${error instanceof Error ? error.message : String(error)}`);
  });
  let last: string | null = null;
  let count = 0;
  const server = await serve(value("HOST"), Number(value("PORT")), () => last);
  console.log("sampling");
  await everySecond(() => {
    const at = Date.now();
    last = JSON.stringify(board.sample(at, Math.round(monotonic())));
    try {
      files.append(last, at);
      if (++count % samplesPerSync === 0) files.sync();
    } catch (error) {
      // A full disk is no reason not to be asked: the benchmark's cool-down needs the temperature.
      complain(error);
    }
  }, stop.signal);
  server.close();
  server.closeAllConnections();
  board.close();
  await files.close();
}

/** Answers GET / with the last sample, 503 before there is one. */
function serve(host: string, port: number, last: () => string | null): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.method !== "GET" || request.url !== "/") {
      response.writeHead(404).end();
      return;
    }
    const sample = last();
    response.writeHead(sample === null ? 503 : 200, { "content-type": "application/json" }).end(sample ?? "null");
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      resolve(server);
    });
  });
}

/** Says the first, then at most one a minute. */
function rarely(say: (error: unknown) => void): (error: unknown) => void {
  let said = -Infinity;
  return (error) => {
    if (monotonic() - said < silence) return;
    said = monotonic();
    say(error);
  };
}

if (import.meta.main) await main(process.env);
