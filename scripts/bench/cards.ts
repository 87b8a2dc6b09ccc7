import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { $ } from "zx";
import { stateDirectory } from "../../stacks/root.ts";
import { compressions, makeCardImage } from "./card-image.ts";
import type { Bench, Figure } from "./figure.ts";
import { comparePairs, rounded, timed } from "./paired.ts";

const gibibyte = 1024 ** 3;
const repetitions = 5;
/** What is aimed at: as fast as dd but for a twentieth, in 150 MB of memory. */
const limits = { ratio: 0.95, memory: 150 };

const resultSchema = z.strictObject({
  seconds: z.number(),
  memory: z.number(),
  memoryOfXz: z.number().nullable(),
});

/**
 * `flash+verify`: MB/s of writing a card from a 4 GiB image to a file, all of it read back from the disk and compared, against
 * dd writing and reading back. `flash-rss`: peak memory in MB by the image's size and compression. Needs 14 GB of disk.
 */
export const benchCards: Bench = async ({ report, signal }) => {
  await mkdir(stateDirectory, { recursive: true });
  // Not the system's folder for temporary files, which may lie in memory.
  const folder = await mkdtemp(join(stateDirectory, "bench-cards-"));
  try {
    const image = join(folder, "image.img");
    const card = join(folder, "card.img");
    console.error("cards: making an image of 4 GiB");
    await makeCardImage({ path: image, size: 4 * gibibyte }, signal);
    report(await flashAndVerify(image, 4 * gibibyte, card, signal));
    const memories = new Map<string, number>();
    for (const size of [gibibyte, 4 * gibibyte]) {
      await rm(image);
      await makeCardImage({ path: image, size, distinct: 4 }, signal);
      for (const [name, compress] of Object.entries(compressions)) {
        console.error(`cards: an image of ${size / gibibyte} GiB in ${name}`);
        const packed = join(folder, `image.${name}`);
        await compress(image, packed, signal);
        const { memory, memoryOfXz } = await writeOneCard(packed, size, card, signal);
        await rm(packed);
        const smaller = memories.get(name) ?? null;
        memories.set(name, memory);
        report({
          name: "flash-rss",
          value: rounded(memory),
          unit: "MB",
          baseline: smaller === null ? null : rounded(smaller),
          ratio: smaller === null ? null : rounded(memory / smaller),
          of: `${size / gibibyte} GiB in ${name}`,
          against: smaller === null ? null : "1 GiB",
          xz: memoryOfXz === null ? null : rounded(memoryOfXz),
          limit: limits.memory,
        });
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

async function flashAndVerify(image: string, size: number, card: string, signal: AbortSignal): Promise<Figure> {
  const pairs: { value: number; baseline: number }[] = [];
  const rates: number[] = [];
  let memory = 0;
  for (let repetition = 1; repetition <= repetitions; repetition++) {
    console.error(`cards: repetition ${repetition} of ${repetitions}`);
    const flash = async () => {
      const written = await writeOneCard(image, size, card, signal);
      memory = Math.max(memory, written.memory);
      return size / 1e6 / written.seconds;
    };
    const dd = async () => {
      await dropCache(image, signal);
      const seconds = await timed(() => copyAndReadBack(image, card, signal));
      await rm(card);
      return size / 1e6 / seconds;
    };
    // Each goes first in turn: the second finds the disk as the first left it.
    const [value, baseline] =
      repetition % 2 === 1
        ? [await flash(), await dd()]
        : await dd().then(async (rate) => [await flash(), rate] as const);
    pairs.push({ value, baseline });
    rates.push(value / baseline);
  }
  return {
    name: "flash+verify",
    ...comparePairs(pairs),
    unit: "MB/s",
    spread: [rounded(Math.min(...rates)), rounded(Math.max(...rates))],
    samples: pairs.map(({ value, baseline }) => [rounded(value), rounded(baseline)]),
    memory: rounded(memory),
    limit: limits.ratio,
  };
}

async function writeOneCard(image: string, size: number, card: string, signal: AbortSignal) {
  await dropCache(image, signal);
  const script = join(import.meta.dirname, "write-one-card.ts");
  const { stdout } = await $({ quiet: true, signal })`${process.execPath} ${script} ${image} ${size} ${card}`;
  await rm(card);
  return resultSchema.parse(JSON.parse(stdout));
}

async function copyAndReadBack(image: string, card: string, signal: AbortSignal): Promise<void> {
  const shell = $({ quiet: true, signal });
  await shell`dd if=${image} of=${card} bs=4M conv=fsync`;
  await dropCache(card, signal);
  await shell`dd if=${card} of=/dev/null bs=4M`;
}

/** As in dd's manual: what is read next comes from the disk. */
async function dropCache(path: string, signal: AbortSignal): Promise<void> {
  await $({ quiet: true, signal })`dd of=${path} oflag=nocache conv=notrunc,fdatasync count=0`;
}
