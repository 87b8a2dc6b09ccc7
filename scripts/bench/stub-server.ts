/**
 * An Ollama server's stand-in with known times, for measuring the benchmark's own client: started by client-cost.ts as a
 * process of its own, so that client and server do not share an event loop. Arguments: milliseconds to the first token,
 * milliseconds from token to token, tokens, workers (0: any number). Prints its port, then a line of JSON for each
 * request: arrival, first byte and end in Unix milliseconds, with fractions.
 */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const [first = 50, gap = 20, tokens = 20, workers = 0] = process.argv.slice(2).map(Number);
const now = () => performance.timeOrigin + performance.now();
const waiting: (() => void)[] = [];
let busy = 0;

const server = createServer((request, response) => {
  const arrived = now();
  request.resume();
  request.on("end", () => {
    void answer(arrived, response);
  });
});

async function answer(arrived: number, response: ServerResponse): Promise<void> {
  if (workers > 0 && busy >= workers) await new Promise<void>((resolve) => waiting.push(resolve));
  else busy++;
  const started = now();
  let firstAt = 0;
  for (let token = 0; token < tokens; token++) {
    // By the clock, not by adding sleeps: each would be late by as much as a timer is.
    await sleep(Math.max(0, started + first + token * gap - now()));
    if (token === 0) firstAt = now();
    response.write('{"response":" x","done":false}\n');
  }
  const end = now();
  const nanoseconds = Math.round((tokens - 1) * gap * 1e6);
  response.end(
    `${JSON.stringify({ done: true, done_reason: "length", prompt_eval_count: 9, eval_count: tokens, eval_duration: nanoseconds, total_duration: Math.round((end - started) * 1e6), load_duration: 0, prompt_eval_duration: 0 })}\n`,
  );
  const next = waiting.shift();
  if (next === undefined) busy--;
  else next();
  process.stdout.write(`${JSON.stringify({ arrived, firstAt, end })}\n`);
}

server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
