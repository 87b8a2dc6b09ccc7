import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import test from "ava";
import { generate, modelDigest, serverVersion, type Limits } from "../../../workloads/benchmark/ollama-client.ts";
import { digest, last, stubOllama, stubOllamaAt, tokens, type Answer } from "./stub-ollama.ts";

const limits: Limits = { connect: 500, patience: 300, silence: 5_000 };
const never = new AbortController().signal;
const wanted = {
  ...{ model: "gemma3:270m", prompt: "1234 Why?", threads: 2, context: 512, maxTokens: 64, seed: 9 },
  ...{ keepAnswer: false, cold: false },
};

const asked = async (answer: Answer, given: Partial<Limits> = {}, signal = never) => {
  const stub = await stubOllama(answer);
  try {
    return await generate({ url: stub.url, limits: { ...limits, ...given }, signal }, wanted);
  } finally {
    stub.close();
  }
};

const noFigures = { timeToFirstToken: null, gaps: [], endToEnd: null, tokensIn: null, tokensOut: null };

test("an answer is timed, and Ollama's own figures are kept", async (t) => {
  const measured = await asked(tokens(4, 5));
  t.like(measured, {
    outcome: "ok",
    error: null,
    tokensIn: 17,
    tokensOut: 4,
    doneReason: "length",
    ollama: { total: 900, load: 100, promptEval: 300, eval: 500 },
  });
  t.is(measured.gaps.length, 3);
  const whole = measured.gaps.reduce((sum, gap) => sum + gap, measured.timeToFirstToken ?? NaN);
  t.true(whole > 0 && whole <= (measured.endToEnd ?? NaN) + 0.01);
});

test("an answer's text is kept where it is scored, and nowhere else", async (t) => {
  const stub = await stubOllama(tokens(3));
  const server = { url: stub.url, limits, signal: never };
  t.is((await generate(server, { ...wanted, keepAnswer: true })).answer, " token0 token1 token2");
  t.is((await generate(server, wanted)).answer, null);
  stub.close();
});

test("before a cold request the model is unloaded, and gone", async (t) => {
  const stub = await stubOllama(tokens(1));
  stub.loaded = 1;
  const measured = await generate({ url: stub.url, limits, signal: never }, { ...wanted, cold: true });
  stub.close();
  t.is(measured.outcome, "ok");
  t.is(stub.loaded, 0);
  t.deepEqual(
    stub.requests.map((request) => request.keep_alive),
    [0, -1],
  );
});

test("a model that stays loaded is no cold request's", async (t) => {
  const stub = await stubOllama(tokens(1));
  stub.loaded = Infinity;
  const measured = await generate({ url: stub.url, limits, signal: never }, { ...wanted, cold: true });
  stub.close();
  t.like(measured, { outcome: "timeout", error: "gemma3:270m was not unloaded", ...noFigures });
});

test("the options of a variant go with the request", async (t) => {
  const stub = await stubOllama();
  await generate({ url: stub.url, limits, signal: never }, wanted);
  stub.close();
  t.deepEqual(stub.requests[0] as unknown, {
    model: "gemma3:270m",
    prompt: "1234 Why?",
    stream: true,
    keep_alive: -1,
    options: { num_thread: 2, num_ctx: 512, num_predict: 64, seed: 9, temperature: 0 },
  });
});

test("lines that arrive in pieces are put together, and a character cut in two too", async (t) => {
  const bytes = Buffer.from(`{"response":"ä","done":false}\n${JSON.stringify(last(1))}\n`);
  const measured = await asked(async (response) => {
    for (const byte of bytes) {
      response.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  });
  t.like(measured, { outcome: "ok", tokensOut: 1, gaps: [] });
});

test("thinking counts as tokens, empty lines do not", async (t) => {
  const measured = await asked((response) => {
    for (const part of [{ response: "" }, { response: "", thinking: "hm" }, { response: "a" }])
      response.write(`${JSON.stringify({ ...part, done: false })}\n`);
    response.end(`${JSON.stringify(last(2))}\n`);
  });
  t.is(measured.outcome, "ok");
  t.is(measured.gaps.length, 1);
});

const failures: Record<string, { answer: Answer; label: string; error: RegExp; limits?: Partial<Limits> }> = {
  "a stream without its last line": {
    answer: (response) => void response.end('{"response":"a","done":false}\n'),
    label: "truncated",
    error: /after 1 tokens/,
  },
  "a connection that breaks off": {
    answer: (response) => {
      response.write('{"response":"a","done":false}\n');
      setTimeout(() => response.socket?.destroy(), 5);
    },
    label: "truncated",
    error: /broke off/,
  },
  "a connection that breaks off before the first byte": {
    answer: (response) => void response.socket?.destroy(),
    label: "truncated",
    error: /broke off/,
  },
  "silence before the first byte": {
    answer: () => undefined,
    label: "timeout",
    error: /no byte/,
    limits: { silence: 30 },
  },
  "silence in the middle": {
    answer: (response) => void response.write('{"response":"a","done":false}\n'),
    label: "timeout",
    error: /no byte/,
    limits: { silence: 30 },
  },
  "an error in the stream": {
    answer: (response) => void response.end('{"error":"out of memory"}\n'),
    label: "error",
    error: /out of memory/,
  },
  "a full queue": {
    answer: (response) => void response.writeHead(503).end('{"error":"server busy"}'),
    label: "overload",
    error: /HTTP 503.*server busy/,
  },
  "an unknown model": {
    answer: (response) => void response.writeHead(404).end('{"error":"model not found"}'),
    label: "error",
    error: /HTTP 404/,
  },
  "an answer without tokens": {
    answer: (response) => void response.end(`${JSON.stringify(last(0))}\n`),
    label: "error",
    error: /without tokens/,
  },
  "an answer without a count": {
    answer: (response) => {
      response.write('{"response":"a","done":false}\n');
      response.end(`${JSON.stringify({ ...last(1), eval_count: undefined })}\n`);
    },
    label: "error",
    error: /without tokens/,
  },
  "something that is not Ollama": {
    answer: (response) => void response.end("<html>\n"),
    label: "error",
    error: /not Ollama/,
  },
};

for (const [title, { answer, label, error, limits }] of Object.entries(failures))
  test(`${title} is labelled ${label} and has no figures`, async (t) => {
    const measured = await asked(answer, limits);
    t.like(measured, { outcome: label, ...noFigures, doneReason: null });
    t.regex(measured.error ?? "", error);
  });

/** A port of this machine that nothing listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

test("a server that is not there is refused after patience ends", async (t) => {
  const url = new URL(`http://127.0.0.1:${await freePort()}`);
  const measured = await generate({ url, limits, signal: never }, wanted);
  t.like(measured, { outcome: "refused", ...noFigures });
  t.regex(measured.error ?? "", /ECONNREFUSED/);
});

test("a server that comes late is waited for, outside the time that counts", async (t) => {
  const port = await freePort();
  const url = new URL(`http://127.0.0.1:${port}`);
  const pending = generate({ url, limits: { ...limits, patience: 30_000 }, signal: never }, wanted);
  const late = await stubOllamaAt(port, tokens(2));
  const measured = await pending;
  late.close();
  t.is(measured.outcome, "ok");
});

test("an aborted request throws the signal's reason", async (t) => {
  const stop = new AbortController();
  const reason = new Error("SIGTERM");
  const pending = asked(
    (response) => {
      response.write('{"response":"a","done":false}\n');
      setTimeout(() => {
        stop.abort(reason);
      }, 5);
    },
    {},
    stop.signal,
  );
  t.is(await t.throwsAsync(pending), reason);
});

test("version and digest are read", async (t) => {
  const stub = await stubOllama();
  const server = { url: stub.url, limits, signal: never };
  t.is(await serverVersion(server), "0.17.4");
  t.is(await modelDigest(server, "gemma3:270m"), `sha256:${digest}`);
  t.is(await modelDigest(server, "gemma3:1b"), null);
  stub.close();
});
