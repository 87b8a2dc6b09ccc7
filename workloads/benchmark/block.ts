import type { Journal } from "./journal.ts";
import { failed, generate, modelDigest, RequestError, type Measurement, type Server } from "./ollama-client.ts";
import { nonceOf, type Run } from "./order.ts";
import type { Plan } from "./plan.ts";

/** The server's model is not the locked one: no later attempt can mend that. */
export class WrongModel extends Error {
  override readonly name = "WrongModel";
}

/** The server stayed out of reach: a later attempt may find it again. */
export class ServerGone extends Error {
  override readonly name = "ServerGone";
}

/**
 * Does one run: asserts the model's digest, sends the warm-up requests and the measured ones, one after the other, and
 * journals each. A failed request is a record with its label and the run goes on, except where going on means nothing.
 * @throws WrongModel, ServerGone, or the reason of the server's signal; the run has then not ended
 */
export async function doRun(plan: Plan, run: Run, block: number, server: Server, journal: Journal): Promise<void> {
  const variant = entry(plan.variants, run.variant);
  const scenario = entry(plan.scenarios, run.scenario);
  const prompts = entry(plan.prompts, scenario.prompts);
  const place = { block, attempt: journal.attempt, variant: run.variant, scenario: run.scenario };

  const record = (request: number, at: number, measured: Measurement, digest: string | null) => {
    journal.append({
      type: "request",
      ...place,
      request,
      prompt: promptOf(request, prompts.length),
      at,
      ...measured,
      modelDigest: digest,
    });
  };

  const first = scenario.warmup === 0 ? 0 : -1;
  const digest = await modelDigest(server, plan.model.reference).catch((error: unknown) => {
    if (!(error instanceof RequestError)) throw error;
    record(first, Date.now(), failed(error.label, error.message), null);
    throw new ServerGone(error.message, { cause: error });
  });
  if (digest !== plan.model.digest) {
    const problem = `${plan.model.reference} is ${digest ?? "not there"}, locked is ${plan.model.digest}`;
    record(first, Date.now(), failed("wrong-model", problem), digest);
    throw new WrongModel(problem);
  }

  for (const request of requestsOf(scenario)) {
    const nonce = nonceOf(plan, { block, attempt: journal.attempt, run: run.index, request });
    const prompt = `${nonce} ${prompts[promptOf(request, prompts.length)] ?? ""}`;
    const at = Date.now();
    const measured = await generate(server, {
      model: plan.model.reference,
      prompt,
      threads: variant.threads,
      context: variant.context,
      maxTokens: scenario.maxTokens,
      seed: plan.seed,
    });
    server.signal.throwIfAborted();
    record(request, at, measured, digest);
    if (measured.outcome === "refused") throw new ServerGone(measured.error ?? "refused");
  }
  journal.append({ type: "run-end", ...place, at: Date.now() });
}

/** Warm-up requests -1, -2, ... and then 0, 1, ... */
function requestsOf({ warmup, requests }: { warmup: number; requests: number }): number[] {
  return [
    ...Array.from({ length: warmup }, (_, index) => -1 - index),
    ...Array.from({ length: requests }, (_, index) => index),
  ];
}

/** The measured requests go through the prompts from the first on, warm-ups from the last one back. */
function promptOf(request: number, prompts: number): number {
  return ((request % prompts) + prompts) % prompts;
}

function entry<T>(record: Readonly<Record<string, T>>, key: string): T {
  const value = record[key];
  if (value === undefined) throw new Error(`the plan names ${key} but does not hold it`);
  return value;
}
