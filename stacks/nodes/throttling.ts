/** Bits of get_throttled; shifted by 16 they mean that it has been so since boot (raspberrypi.com/documentation, vcgencmd). */
const meanings: readonly (readonly [bit: number, now: string, before: string])[] = [
  [0, "under-voltage", "under-voltage since boot"],
  [1, "frequency capped", "frequency capped since boot"],
  [2, "throttled", "throttled since boot"],
  [3, "at the soft temperature limit", "at the soft temperature limit since boot"],
];

/** The firmware's get_throttled bits in words: what is so now, then what only has been so since boot. Empty: all is well. */
export function describeThrottling(bits: number): string[] {
  const has = (bit: number) => Math.floor(bits / 2 ** bit) % 2 === 1;
  const now = meanings.filter(([bit]) => has(bit)).map(([, text]) => text);
  const before = meanings.filter(([bit]) => has(bit + 16) && !has(bit)).map(([, , text]) => text);
  return [...now, ...before];
}
