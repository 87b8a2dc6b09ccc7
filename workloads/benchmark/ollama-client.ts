import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { FailureLabel, RequestRecord } from "./record.ts";

/** How long the client waits, in milliseconds. */
export interface Limits {
  /** One attempt to connect. A SYN sent before kube-proxy knows the Service is lost for good: it must end early. */
  readonly connect: number;
  /** All attempts to connect. Long enough for a server that is restarted to load its image and come back. */
  readonly patience: number;
  /** No byte arrives: the model loads from a card, or a long prompt is read by a slow board. */
  readonly silence: number;
}

export const limits: Limits = { connect: 3_000, patience: 120_000, silence: 600_000 };

export interface GenerateRequest {
  readonly model: string;
  readonly prompt: string;
  readonly threads: number;
  /** Tokens. */
  readonly context: number;
  /** Tokens. */
  readonly maxTokens: number;
  readonly seed: number;
  /** Whether the answer's text is kept, to be scored. */
  readonly keepAnswer: boolean;
  /** Whether the model is unloaded first, so that its loading is measured too. */
  readonly cold: boolean;
}

/** What one request measured: a record's figures, without its place in the plan. */
export type Measurement = Pick<
  RequestRecord,
  | "outcome"
  | "error"
  | "timeToFirstToken"
  | "gaps"
  | "endToEnd"
  | "tokensIn"
  | "tokensOut"
  | "ollama"
  | "doneReason"
  | "answer"
>;

export interface Server {
  readonly url: URL;
  readonly limits: Limits;
  /** Aborting it ends a request at once; the call then throws the signal's reason. */
  readonly signal: AbortSignal;
}

/** A request that did not give what it was sent for, and the label that says why. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  readonly label: FailureLabel;

  constructor(label: FailureLabel, message: string, options?: ErrorOptions) {
    super(message, options);
    this.label = label;
  }
}

/** A measurement without figures. */
export function failed(label: FailureLabel, error: string): Measurement {
  return {
    outcome: label,
    error,
    timeToFirstToken: null,
    gaps: [],
    endToEnd: null,
    tokensIn: null,
    tokensOut: null,
    ollama: { total: null, load: null, promptEval: null, eval: null },
    doneReason: null,
    answer: null,
  };
}

/** The server's version. @throws RequestError */
export async function serverVersion(server: Server): Promise<string | null> {
  const answer = (await readJson(server, "/api/version")) as { version?: unknown };
  return typeof answer.version === "string" ? answer.version : null;
}

/**
 * The digest of a model as "sha256:<hex>": the SHA-256 of its manifest; null where the server has no such model.
 * @throws RequestError
 */
export async function modelDigest(server: Server, reference: string): Promise<string | null> {
  const answer = (await readJson(server, "/api/tags")) as { models?: { name?: unknown; digest?: unknown }[] };
  const model = answer.models?.find(({ name }) => name === reference);
  return typeof model?.digest === "string" ? `sha256:${model.digest.replace(/^sha256:/, "")}` : null;
}

/** How often a server is asked whether it has unloaded a model, in milliseconds. */
const unloadPoll = 100;

/**
 * Has the server unload a model, and waits until it is gone: the next request loads it from the disk's cache or the disk.
 * @throws RequestError
 */
async function unload(server: Server, reference: string): Promise<void> {
  const { response, signal } = await send(
    server,
    "POST",
    "/api/generate",
    JSON.stringify({ model: reference, keep_alive: 0, stream: false }),
  );
  await textOf(response, signal);
  const deadline = performance.now() + server.limits.patience;
  for (;;) {
    const { models } = (await readJson(server, "/api/ps")) as { models?: { name?: unknown }[] };
    if (!models?.some(({ name }) => name === reference)) return;
    if (performance.now() > deadline) throw new RequestError("timeout", `${reference} was not unloaded`);
    await sleep(unloadPoll, undefined, { signal: server.signal });
  }
}

/**
 * Streams one answer and times it. The connection is made (and made again, until the server answers) before the clock
 * starts; from the first byte sent nothing is repeated. Failures are returned by their label, never thrown.
 */
export async function generate(server: Server, wanted: GenerateRequest): Promise<Measurement> {
  const { model, prompt, threads, context, maxTokens, seed, keepAnswer } = wanted;
  const options = { num_thread: threads, num_ctx: context, num_predict: maxTokens, seed, temperature: 0 };
  try {
    if (wanted.cold) await unload(server, model);
    const { answer, ...measured } = await measure(
      server,
      JSON.stringify({ model, prompt, stream: true, keep_alive: -1, options }),
    );
    return { ...measured, answer: keepAnswer ? answer : null };
  } catch (error) {
    if (error instanceof RequestError) return failed(error.label, error.message);
    throw error;
  }
}

async function measure(server: Server, body: string): Promise<Measurement> {
  const arrivals: number[] = [];
  const words: string[] = [];
  let last: Record<string, unknown> | undefined;
  let end = 0;
  const { response, sent, signal } = await send(server, "POST", "/api/generate", body);
  for await (const { line, at } of linesOf(response, signal)) {
    const part = parseLine(line);
    if (typeof part.error === "string") throw new RequestError("error", part.error);
    // Reasoning models stream their thinking in a field of its own; eval_count counts it too.
    if (part.response || part.thinking) arrivals.push(at);
    if (typeof part.response === "string") words.push(part.response);
    if (part.done === true) {
      last = part;
      end = at;
    }
  }
  // Ollama itself ends an answer like this when the model says one token more than 30 times (llm/server.go).
  if (last === undefined)
    throw new RequestError("truncated", `the stream ended after ${arrivals.length} tokens without its last line`);
  const tokensOut = numberOf(last, "eval_count");
  const first = arrivals[0];
  if (first === undefined || tokensOut === null)
    throw new RequestError("error", `an answer without tokens (done_reason ${String(last.done_reason)})`);
  return {
    outcome: "ok",
    error: null,
    timeToFirstToken: rounded(first - sent),
    gaps: arrivals.slice(1).map((at, index) => rounded(at - (arrivals[index] ?? at))),
    endToEnd: rounded(end - sent),
    tokensIn: numberOf(last, "prompt_eval_count"),
    tokensOut,
    ollama: {
      total: numberOf(last, "total_duration"),
      load: numberOf(last, "load_duration"),
      promptEval: numberOf(last, "prompt_eval_duration"),
      eval: numberOf(last, "eval_duration"),
    },
    doneReason: typeof last.done_reason === "string" ? last.done_reason : null,
    answer: words.join(""),
  };
}

async function readJson(server: Server, path: string): Promise<unknown> {
  const { response, signal } = await send(server, "GET", path, "");
  return parseLine(await textOf(response, signal));
}

/**
 * Sends a request on a connection of its own. `sent` is when it left, by the monotonic clock in milliseconds; `signal`
 * also ends what is still to be read when the server falls silent.
 */
async function send(server: Server, method: string, path: string, body: string) {
  const { url, limits } = server;
  const socket = await connected(server);
  const silence = new AbortController();
  const signal = AbortSignal.any([server.signal, silence.signal]);
  socket.setTimeout(limits.silence, () => {
    silence.abort(new RequestError("timeout", `no byte for ${limits.silence / 1000} s`));
  });
  const headers = { host: url.host, "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  const call = httpRequest({ path, method, headers, signal, createConnection: () => socket });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    call.once("response", resolve);
    call.on("error", reject);
  });
  const sent = performance.now();
  call.end(body);
  const response = await answered.catch((error: unknown) => {
    throw labelled(error, signal);
  });
  if (response.statusCode === 200) return { response, sent, signal };
  const label = response.statusCode === 503 || response.statusCode === 429 ? "overload" : "error";
  throw new RequestError(label, `HTTP ${response.statusCode}: ${(await textOf(response, signal)).slice(0, 300)}`);
}

/** A connection to the server, tried again until it stands or patience ends. @throws RequestError "refused" */
async function connected({ url, limits, signal }: Server): Promise<Socket> {
  const deadline = performance.now() + limits.patience;
  for (let pause = 100; ; pause = Math.min(pause * 2, 2_000)) {
    signal.throwIfAborted();
    try {
      return await connectOnce(url, limits.connect);
    } catch (error) {
      if (performance.now() + pause > deadline)
        throw new RequestError("refused", `no connection to ${url.host}: ${String(error)}`, { cause: error });
    }
    await sleep(pause, undefined, { signal });
  }
}

function connectOnce(url: URL, timeout: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: url.hostname, port: Number(url.port || 80), noDelay: true });
    socket.setTimeout(timeout, () => socket.destroy(new Error(`no answer within ${timeout} ms`)));
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      socket.setTimeout(0);
      socket.removeAllListeners("timeout");
      resolve(socket);
    });
  });
}

/** The lines of an answer with the moment each arrived; a rest without its newline is a line that was cut. */
async function* linesOf(response: IncomingMessage, signal: AbortSignal): AsyncGenerator<{ line: string; at: number }> {
  let rest = "";
  response.setEncoding("utf8");
  try {
    for await (const chunk of response as AsyncIterable<string>) {
      const at = performance.now();
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "") yield { line, at };
    }
  } catch (error) {
    throw labelled(error, signal);
  }
}

async function textOf(response: IncomingMessage, signal: AbortSignal): Promise<string> {
  let text = "";
  response.setEncoding("utf8");
  try {
    for await (const chunk of response as AsyncIterable<string>) text += chunk;
  } catch (error) {
    throw labelled(error, signal);
  }
  return text;
}

/** Why a request ended early: what its signal says, or a connection that broke off after the first byte was sent. */
function labelled(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  return new RequestError("truncated", `the connection broke off: ${String(error)}`, { cause: error });
}

function parseLine(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (value !== null && typeof value === "object") return value as Record<string, unknown>;
  } catch {
    // falls through: not JSON and not an object are the same to the caller
  }
  throw new RequestError("error", `not Ollama's answer: ${line.slice(0, 300)}`);
}

function numberOf(part: Record<string, unknown>, key: string): number | null {
  const value = part[key];
  return typeof value === "number" ? value : null;
}

/** Microseconds are what the clock is good for. */
function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
