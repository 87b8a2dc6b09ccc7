/** Up to here all 2^n sign patterns are counted; beyond, a seeded sample of them. */
const largestExact = 16;
/** Sampled patterns where there are too many to count: the p-value's standard error near 0.05 is 0.0007. */
const samples = 99_999;
/** Sums of the same numbers in another order differ in the last bits: such are equal. */
const tolerance = 1e-12;

export interface PairedTest {
  /** Two-sided. */
  readonly p: number;
  /** Every shift that the test does not reject; null where too few pairs allow none. */
  readonly interval: readonly [number, number] | null;
  /** Whether all sign patterns were counted. */
  readonly exact: boolean;
}

/**
 * Fisher's sign-flip permutation test that paired differences are symmetric about 0, with the interval from inverting
 * it. Shifting the differences by t, the pattern that flips the subset S has a sum at least as large as the observed
 * one exactly when the mean of S is at most t; so the interval's ends are order statistics of the subsets' means.
 * (R. A. Fisher, The Design of Experiments, 1935, section 21; J. A. Hartigan, "Using subsample values as typical
 * values", JASA 64, 1969.) No library that we know has it: simple-statistics' permutationTest is for unpaired samples.
 * @param alpha the interval covers with probability 1 - alpha, and excludes 0 when p <= alpha
 */
export function signFlipTest(differences: readonly number[], alpha: number, seed = 1): PairedTest {
  const exact = differences.length <= largestExact;
  const subsets = exact ? allSubsets(differences) : sampledSubsets(differences, seed);
  const total = differences.reduce((sum, difference) => sum + difference, 0);
  const slack = tolerance * differences.reduce((sum, difference) => sum + Math.abs(difference), 0);
  // The empty subset is the observed pattern itself. In a sample it is counted too: p is never 0.
  let extreme = 1;
  for (const sum of subsets.sums) if (Math.abs(total - 2 * sum) >= Math.abs(total) - slack) extreme += 1;
  const patterns = subsets.sums.length + 1;
  const rank = Math.floor((alpha / 2) * patterns + 1e-9);
  const means = subsets.means.sort();
  const [low, high] = [means[rank - 1], means[means.length - rank]];
  return {
    p: extreme / patterns,
    interval: low === undefined || high === undefined ? null : [low, high],
    exact,
  };
}

interface Subsets {
  readonly sums: Float64Array;
  readonly means: Float64Array;
}

function allSubsets(values: readonly number[]): Subsets {
  const patterns = 2 ** values.length;
  const sums = new Float64Array(patterns);
  const sizes = new Uint8Array(patterns);
  for (const [index, value] of values.entries()) {
    const bit = 2 ** index;
    for (let rest = 0; rest < bit; rest += 1) {
      sums[bit + rest] = (sums[rest] ?? 0) + value;
      sizes[bit + rest] = (sizes[rest] ?? 0) + 1;
    }
  }
  return { sums: sums.subarray(1), means: sums.map((sum, subset) => sum / (sizes[subset] ?? 0)).subarray(1) };
}

function sampledSubsets(values: readonly number[], seed: number): Subsets {
  const random = randomGenerator(seed);
  const sums = new Float64Array(samples);
  const means = new Float64Array(samples);
  for (let sample = 0; sample < samples; sample += 1) {
    let [sum, size] = [0, 0];
    while (size === 0) {
      // One draw decides on 32 values.
      let bits = 0;
      for (const [index, value] of values.entries()) {
        bits = index % 32 === 0 ? random() * 2 ** 32 : bits >>> 1;
        if ((bits & 1) === 1) {
          sum += value;
          size += 1;
        }
      }
    }
    sums[sample] = sum;
    means[sample] = sum / size;
  }
  return { sums, means };
}

/**
 * The Hodges-Lehmann estimate of the centre of symmetry: the median of the means of all pairs, each value with itself
 * included. (J. L. Hodges and E. L. Lehmann, Annals of Mathematical Statistics 34, 1963.)
 */
export function hodgesLehmann(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const means = (sorted.length * (sorted.length + 1)) / 2;
  const [low, high] = [Math.ceil(means / 2), Math.floor(means / 2) + 1].map((rank) => meanOfRank(sorted, rank));
  return ((low ?? NaN) + (high ?? NaN)) / 2;
}

/**
 * The mean of a pair that has this rank (from 1) among those of all pairs, without listing them: bisects between the
 * smallest and the largest until no number lies between, counting the means below in one pass over the sorted values.
 */
function meanOfRank(sorted: Float64Array, rank: number): number {
  const value = (index: number) => sorted[index] ?? NaN;
  const reaches = (limit: number): boolean => {
    let [count, end] = [0, sorted.length - 1];
    for (let start = 0; start <= end; start += 1) {
      while (end >= start && (value(start) + value(end)) / 2 > limit) end -= 1;
      count += Math.max(0, end - start + 1);
    }
    return count >= rank;
  };
  let [below, reached] = [value(0), value(sorted.length - 1)];
  if (reaches(below)) return below;
  for (;;) {
    const middle = (below + reached) / 2;
    if (middle <= below || middle >= reached) return reached;
    if (reaches(middle)) reached = middle;
    else below = middle;
  }
}

/**
 * Holm's step-down: the p-values, adjusted so that those at most alpha keep the chance of any false one among them at alpha.
 * (S. Holm, Scandinavian Journal of Statistics 6, 1979; R's p.adjust.) simple-statistics has none, and stdlib's comes with 136
 * packages.
 * @param pValues null is a test that could not be made; it counts among the tests and stays null
 */
export function holm(pValues: readonly (number | null)[]): (number | null)[] {
  const adjusted: (number | null)[] = pValues.map(() => null);
  let least = 0;
  const known = pValues.flatMap((p, place) => (p === null ? [] : [{ p, place }])).sort((one, other) => one.p - other.p);
  for (const [rank, { p, place }] of known.entries()) {
    least = Math.max(least, Math.min(1, (pValues.length - rank) * p));
    adjusted[place] = least;
  }
  return adjusted;
}

/** The fewest pairs with which the two-sided sign-flip test can reach p <= alpha: 6 for 0.05. */
export function fewestPairs(alpha: number): number {
  return Math.ceil(1 - Math.log2(alpha));
}

/** Uniform numbers in [0, 1), the same for the same seed: mulberry32 by Tommy Ettinger (public domain). */
export function randomGenerator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
