import type { PairComparison } from "./comparison.ts";

/** When one side's part of a block was measured, in Unix ms. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface PairInTime {
  readonly a: Span;
  readonly b: Span;
}

/** How many other blocks may lie between the two of a pair: a stack that starts a block earlier stays in turn. */
const farthest = 2;

/**
 * Whether two runs' blocks were measured in turn: sorted by time, the sides change at least as often as there are
 * pairs, and no pair has more than two other blocks between its halves.
 */
export function evidenceOf(pairs: readonly PairInTime[]): Exclude<PairComparison["evidence"], "same-run"> {
  const middle = ({ from, to }: Span) => (from + to) / 2;
  const order = pairs
    .flatMap(({ a, b }, pair) => [
      { side: "a", pair, at: middle(a) },
      { side: "b", pair, at: middle(b) },
    ])
    .sort((one, other) => one.at - other.at);
  const changes = order.filter(({ side }, place) => place > 0 && order[place - 1]?.side !== side).length;
  const firstPlace = new Map<number, number>();
  const near = order.every(({ pair }, place) => {
    const first = firstPlace.get(pair);
    firstPlace.set(pair, place);
    return first === undefined || place - first - 1 <= farthest;
  });
  return near && changes >= pairs.length ? "interleaved" : "separate";
}

/** Whether any block of one side was measured while one of the other was: the two disturbed each other. */
export function overlap(pairs: readonly PairInTime[]): boolean {
  const spans = pairs
    .flatMap(({ a, b }) => [
      { ...a, side: "a" },
      { ...b, side: "b" },
    ])
    .sort((one, other) => one.from - other.from);
  return spans.some((span, place) => {
    const before = spans[place - 1];
    return before !== undefined && before.side !== span.side && before.to > span.from;
  });
}
