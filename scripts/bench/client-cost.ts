import { request } from "node:http";
import { median } from "simple-statistics";
import { hodgesLehmann, signFlipTest } from "../lib/results/statistics.ts";
import type { Bench } from "./figure.ts";
import { rounded } from "./paired.ts";
import { askOnce, startStub } from "./stub.ts";

const pairs = 40;

/**
 * `ttft-overhead-ms`: what the benchmark's client adds to the time to the first token, against a bare HTTP client that only waits
 * for the first byte, taking turns on one server. `runner-cpu`: its processor time while 50 tokens a second arrive, as a share of one
 * core; a node has four.
 */
export const benchClient: Bench = async ({ report, signal }) => {
  const stub = await startStub({ first: 40, gap: 5, tokens: 4 });
  try {
    const differences: number[] = [];
    for (let pair = -3; pair < pairs; pair++) {
      signal.throwIfAborted();
      const ours = async () => (await askOnce(stub.url, signal, 4)).timeToFirstToken ?? NaN;
      const [own, bare] =
        pair % 2 === 0
          ? [await ours(), await bareFirstByte(stub.url)]
          : swap(await bareFirstByte(stub.url), await ours());
      // The first ones warm both up.
      if (pair >= 0) differences.push(own - bare);
    }
    const { interval } = signFlipTest(differences, 0.05);
    report({
      ...{
        name: "ttft-overhead-ms",
        value: rounded(hodgesLehmann(differences)),
        unit: "ms",
        baseline: null,
        ratio: null,
      },
      ...{ limit: 1, median: rounded(median(differences)), interval: interval?.map(rounded) ?? null, pairs },
      against: "a bare node:http client that takes the time of the first byte",
    });
  } finally {
    await stub.stop();
  }
  const steady = await startStub({ first: 20, gap: 20, tokens: 500 });
  try {
    const [before, started] = [process.cpuUsage(), performance.now()];
    await askOnce(steady.url, signal, 500);
    const { user, system } = process.cpuUsage(before);
    const share = (user + system) / 1000 / (performance.now() - started);
    report({
      ...{ name: "runner-cpu", value: rounded(share / 4), unit: "fraction of a node of four cores", baseline: 0.02 },
      ...{ ratio: rounded(share / 4 / 0.02), tokensPerSecond: 50, ofOneCore: rounded(share) },
    });
  } finally {
    await steady.stop();
  }
};

const swap = (bare: number, own: number): [number, number] => [own, bare];

/** Milliseconds from sending to the first byte of the answer's body, on a connection of its own. */
function bareFirstByte(url: URL): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request(url, { method: "POST", path: "/api/generate", agent: false });
    call.on("error", reject);
    call.on("socket", (socket) => {
      socket.setNoDelay(true);
      socket.once("connect", () => {
        const sent = performance.now();
        call.end("{}");
        call.on("response", (response) => {
          response.once("data", () => {
            resolve(performance.now() - sent);
          });
          response.resume();
        });
      });
    });
    call.flushHeaders();
  });
}
