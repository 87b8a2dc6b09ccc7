/** The firmware's word on a node at one time, as its get_throttled bits: 0 to 3 what is so now, 16 to 19 what has been so since the boot. */
interface Reading {
  readonly at: number;
  readonly throttled: number | null;
}

export interface ThrottledSpan {
  readonly from: number;
  readonly to: number;
  /** All that were set "now" meanwhile. */
  readonly bits: number;
}

/** https://www.raspberrypi.com/documentation/computers/os.html#get_throttled */
const meanings = ["under-voltage", "frequency capped", "throttled", "soft temperature limit"];
const nowBits = 0xf;

/**
 * When the board said that it was slowed. A span ends with the first reading that no longer says so, or with the last one before a gap.
 * @param longestGap milliseconds between readings above which nothing is known of what lies between
 */
export function throttledSpans(readings: readonly Reading[], longestGap: number): ThrottledSpan[] {
  const spans: { from: number; to: number; bits: number }[] = [];
  let open: (typeof spans)[number] | undefined;
  for (const { at, throttled } of readings) {
    const bits = (throttled ?? 0) & nowBits;
    if (open !== undefined && at - open.to > longestGap) open = undefined;
    if (open !== undefined) {
      open.to = at;
      open.bits |= bits;
    } else if (bits !== 0) spans.push((open = { from: at, to: at, bits }));
    if (bits === 0) open = undefined;
  }
  return spans;
}

/** One sentence. */
export function describeThrottling(readings: readonly Reading[]): string {
  const known = readings.flatMap(({ throttled }) => throttled ?? []);
  if (known.length === 0) return "Whether the board was slowed down is not known: it does not tell, or no probe asked.";
  const seen = known.reduce((all, bits) => all | bits, 0);
  const now = wordsOf(seen & nowBits);
  if (now !== "") return `In the shaded times the board said that it was slowed down: ${now}.`;
  const before = wordsOf((seen >> 16) & nowBits);
  if (before !== "") return `Not slowed down in this time; at some time since its boot, though: ${before}.`;
  return "The board was never slowed down.";
}

/** What bits say, of now and of since the boot alike; empty where they say nothing. */
export function throttlingWords(bits: number): string {
  return wordsOf((bits | (bits >> 16)) & nowBits);
}

function wordsOf(bits: number): string {
  return meanings.filter((_, bit) => (bits & (1 << bit)) !== 0).join(", ");
}
