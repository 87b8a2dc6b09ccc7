import type { Plan } from "../../../workloads/benchmark/plan.ts";
import type { RequestRecord } from "../../../workloads/benchmark/record.ts";
import { settingsOf } from "../../../workloads/benchmark/order.ts";
import { judgedRuns } from "./judged-runs.ts";
import { metrics } from "./metrics.ts";
import { latencyNames } from "./run-digest.ts";
import type { SealedRun } from "./sealed-run.ts";

/** A row of an export: its columns have the same names and order in all rows of a kind. What is not known is null. */
export type Row = Readonly<Record<string, string | number | boolean | null>>;

/** What tells a run of a measurement from all others, and what it was run with. */
function identityOf(
  of: { readonly stack: string; readonly run: string; readonly plan: Plan; readonly block: number },
  { variant: name, scenario }: { readonly variant: string; readonly scenario: string },
): Row {
  const { variant } = settingsOf(of.plan, { variant: name, scenario });
  return {
    stack: of.stack,
    run: of.run,
    series: of.plan.series,
    block: of.block,
    variant: name,
    scenario,
    model: of.plan.models[variant.model]?.reference ?? null,
    node: variant.node,
    threads: variant.threads,
    context: variant.context,
    modules: variant.modules,
  };
}

/** One row for a request, failed ones included. Gaps are in one column, separated by spaces. */
export function requestRow(
  of: { readonly stack: string; readonly run: string; readonly plan: Plan; readonly block: number },
  request: RequestRecord,
): Row {
  const { ollama } = request;
  return {
    ...identityOf(of, request),
    request: request.request,
    prompt: request.prompt,
    at_unix_ms: request.at,
    scheduled_unix_ms: request.scheduled,
    outcome: request.outcome,
    error: request.error,
    time_to_first_token_ms: request.timeToFirstToken,
    end_to_end_ms: request.endToEnd,
    tokens_in: request.tokensIn,
    tokens_out: request.tokensOut,
    decode_rate_tokens_per_s: request.outcome === "ok" ? metrics["decode-rate"].of(request) : null,
    gaps_ms: request.gaps.join(" "),
    ollama_total_ns: ollama.total,
    ollama_load_ns: ollama.load,
    ollama_prompt_eval_ns: ollama.promptEval,
    ollama_eval_ns: ollama.eval,
    done_reason: request.doneReason,
    answer: request.answer,
    model_digest: request.modelDigest,
  };
}

/** One row for each variant under each scenario in each block. Latencies count from when a request was due. */
export function runRows(sealed: SealedRun): Row[] {
  const { stack, plan } = sealed.manifest;
  return judgedRuns(sealed).map(({ block, run, load, findings }) => ({
    ...identityOf({ stack, run: sealed.measurement, plan, block }, run),
    from_unix_ms: run.from,
    to_unix_ms: run.to,
    requests: run.outcomes.requests,
    failed: Object.values(run.outcomes.failures).reduce((sum, count) => sum + count, 0),
    decode_rate_tokens_per_s: run.figures["decode-rate"],
    ollama_eval_rate_tokens_per_s: run.figures["ollama-eval-rate"],
    throughput_tokens_per_s: run.throughput,
    ...Object.fromEntries(
      latencyNames.flatMap((name) =>
        (["p50", "p95", "p99"] as const).map((quantile) => [
          `${name.replaceAll("-", "_")}_${quantile}_${name === "end-to-end" ? "s" : "ms"}`,
          run.quantiles[name]?.[quantile] ?? null,
        ]),
      ),
    ),
    cpu_share: load?.cpu ?? null,
    memory_share: load?.memory ?? null,
    temperature_celsius: load?.temperature ?? null,
    throttled_bits: load?.throttled ?? null,
    energy_joules: load?.joules ?? null,
    believed: findings.length === 0,
    reasons: findings.map(({ text }) => text).join("; "),
  }));
}
