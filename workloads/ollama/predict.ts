import { keyValueBytes, type Tenant } from "./fit.ts";

/** Memory bandwidth of a board, in bytes per second. */
export interface Bandwidth {
  /** What the memory's clock and width allow. */
  readonly peak: number;
  /** What decoding reaches in practice. */
  readonly low: number;
  readonly high: number;
}

/**
 * A Raspberry Pi 5: LPDDR4X-4267 of 32 bits; decoding reaches 53 to 66 % of it in published measurements of 0.5 to 14
 * billion parameters. None of these was measured by us.
 */
export const raspberryPi5: Bandwidth = { peak: 17.07e9, low: 9e9, high: 11.5e9 };

/** Tokens per second that decoding may reach: each token reads all the weights it uses, and the KV cache so far. */
export interface Prediction {
  /** Beyond it a measured figure is wrong: the memory can't be read that fast. */
  readonly ceiling: number;
  readonly low: number;
  readonly high: number;
  /** Bytes that one token reads. */
  readonly bytesPerToken: number;
}

/** @returns null where the model's weights or shape are not known */
export function predictDecode(
  tenant: Pick<Tenant, "entry" | "weights" | "context" | "kvCache">,
  { peak, low, high }: Bandwidth,
): Prediction | null {
  const { entry, weights } = tenant;
  if (entry === undefined || weights === null) return null;
  const used = weights * (entry.active / entry.parameters);
  // An answer's cache is on average as long as half of the context.
  const cache = keyValueBytes(entry, { ...tenant, context: tenant.context / 2, parallel: 1 });
  // The ceiling counts the weights alone: an answer may be short.
  return { ceiling: peak / used, low: low / (used + cache), high: high / (used + cache), bytesPerToken: used + cache };
}

/** How far a measured rate lies from the middle of what was predicted, as a fraction; positive is faster. */
export function predictionError({ low, high }: Prediction, measured: number): number {
  return measured / ((low + high) / 2) - 1;
}
