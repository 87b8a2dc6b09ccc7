import { coolDown } from "./cool-down.ts";
import type { Journal } from "./journal.ts";
import { runLoad } from "./load.ts";
import { failed, generate, modelDigest, RequestError, type Measurement, type Server } from "./ollama-client.ts";
import { nonceOf, settingsOf, type Run } from "./order.ts";
import type { Plan, Variant } from "./plan.ts";
import { scheduleOf } from "./schedule.ts";
import { tasksOf, type Task } from "./task.ts";

/** The server's model is not the locked one: no later attempt can mend that. */
export class WrongModel extends Error {
  override readonly name = "WrongModel";
}

/** The server stayed out of reach: a later attempt may find it again. */
export class ServerGone extends Error {
  override readonly name = "ServerGone";
}

/** Where a run's variant is served. */
export interface Place {
  readonly server: Server;
  /** Where the probe of the serving node tells its temperature; null where there is none. */
  readonly probe: URL | null;
}

/**
 * Does one run: lets the node cool, asserts the model's digest, sends the warm-up requests one after the other and the
 * measured ones as the scenario's load has them, journals each, and asserts the digest again. A failed request is a
 * record with its label and the run goes on, except where going on means nothing.
 * @throws WrongModel, ServerGone, or the reason of the server's signal; the run has then not ended
 */
export async function doRun(plan: Plan, run: Run, block: number, place: Place, journal: Journal): Promise<void> {
  const { server } = place;
  const { variant, scenario } = settingsOf(plan, run);
  const { reference, digest: locked } = lockedModel(plan, variant);
  const { warmup, measured } = tasksOf(plan, { variant, scenario }, block);
  // Warm-up requests are -1, -2, ..., measured ones 0, 1, ...
  const requests = new Map<number, Task>([
    ...warmup.map((task, index) => [-1 - index, task] as const),
    ...measured.map((task, index) => [index, task] as const),
  ]);
  const where = { block, attempt: journal.attempt, variant: run.variant, scenario: run.scenario };

  const record = (
    request: number,
    times: { at: number; scheduled: number | null },
    answer: Measurement,
    digest: string | null,
  ) => {
    const prompt = requests.get(request)?.prompt ?? 0;
    journal.append({ type: "request", ...where, request, prompt, ...times, ...answer, modelDigest: digest });
  };
  const assertDigest = async (request: number): Promise<string> => {
    const now = { at: Date.now(), scheduled: null };
    const digest = await modelDigest(server, reference).catch((error: unknown) => {
      if (!(error instanceof RequestError)) throw error;
      record(request, now, failed(error.label, error.message), null);
      throw new ServerGone(error.message, { cause: error });
    });
    if (digest === locked) return digest;
    const problem = `${reference} is ${digest ?? "not there"}, locked is ${locked}`;
    record(request, now, failed("wrong-model", problem), digest);
    throw new WrongModel(problem);
  };
  const send = async (request: number, scheduled: number | null): Promise<void> => {
    const nonce = nonceOf(plan, { block, attempt: journal.attempt, run: run.index, request });
    const at = Date.now();
    const answer = await generate(server, {
      model: reference,
      prompt: `${nonce} ${requests.get(request)?.text ?? ""}`,
      threads: variant.threads,
      context: variant.context,
      maxTokens: scenario.maxTokens,
      seed: plan.seed,
      keepAnswer: scenario.suite !== null,
      cold: scenario.cold,
    });
    server.signal.throwIfAborted();
    record(request, { at, scheduled }, answer, locked);
    if (answer.outcome === "refused") throw new ServerGone(answer.error ?? "refused");
  };

  const cooled = await coolDown(plan.coolDown, place.probe, server.signal);
  const numbers = [...requests.keys()];
  const [warmups, load] = [numbers.slice(0, warmup.length), { ...scenario.load, requests: measured.length }];
  await assertDigest(numbers[0] ?? 0);
  journal.append({ type: "run-start", ...where, at: Date.now(), monotonic: performance.now(), ...cooled });
  await runLoad({ kind: "closed", users: 1, requests: warmups.length }, null, warmups, send, server.signal);
  const due = scheduleOf(load, plan.seed, { block, run: run.index });
  await runLoad(load, due, numbers.slice(warmup.length), send, server.signal);
  const modelDigestAfter = await assertDigest(numbers.at(-1) ?? 0);
  const [at, monotonic] = [Date.now(), performance.now()];
  journal.append({ type: "run-end", ...where, at, monotonic, modelDigest: modelDigestAfter });
}

function lockedModel(plan: Plan, variant: Variant) {
  const model = plan.models[variant.model];
  if (model === undefined) throw new Error(`the plan names model ${variant.model} but does not hold it`);
  return model;
}
