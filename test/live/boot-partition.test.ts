import { mkdtemp, mkdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { $ } from "zx";
import { root, stateDirectory } from "../../stacks/root.ts";

// Root and ext4 are needed: whether a file was overwritten is read from where its blocks lie.
const shell = $({ quiet: true, env: { ...process.env, MTOOLS_SKIP_CHECK: "1" } });
const program = join(root, "twin", "boot-partition.py");

/** What the files hold before, and a shell script that changes them. */
async function afterChange(before: Record<string, string>, script: string) {
  await mkdir(stateDirectory, { recursive: true });
  const place = await mkdtemp(join(stateDirectory, "boot-partition-"));
  const [card, disk, mount] = [join(place, "card.img"), join(place, "disk.img"), join(place, "mount")];
  try {
    await writeFile(card, "");
    await truncate(card, 64 * 1024 ** 2);
    await shell`mkfs.vfat -F 32 ${card}`;
    for (const [name, text] of Object.entries(before))
      await $({ quiet: true, input: text })`mcopy -i ${card} - ::${name}`;
    await writeFile(disk, "");
    await truncate(disk, 32 * 1024 ** 2);
    await shell`mkfs.ext4 -q ${disk}`;
    await mkdir(mount);
    await shell`mount -o loop ${disk} ${mount}`;
    try {
      const directory = join(mount, "firmware");
      await mkdir(directory);
      const notes = join(place, "notes.json");
      await shell`python3 ${program} take-out ${card} 0 ${directory} ${notes}`;
      await shell`python3 ${program} write-back ${card} 0 ${directory} ${notes}`;
      await $({ quiet: true, cwd: directory, input: script })`sh -eu`;
      await shell`sync --file-system ${directory}`;
      await shell`python3 ${program} write-back ${card} 0 ${directory} ${notes}`;
    } finally {
      await shell`umount ${mount}`;
    }
    await shell`fsck.vfat -n ${card}`;
    const listing = (await shell`mdir -/ -b -i ${card} ::/`).stdout.split("\n").filter((line) => line !== "");
    const files = listing.filter((line) => !line.endsWith("/"));
    const texts = await Promise.all(
      files.map(async (file) => [file.slice("::/".length), (await shell`mtype -i ${card} ${file}`).stdout] as const),
    );
    return { files: Object.fromEntries(texts), raw: (await readFile(card)).toString("latin1") };
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

const secret = "a secret of the seed ".repeat(400);

test("a file that is overwritten in place leaves nothing of itself on the card", async (t) => {
  const { files, raw } = await afterChange(
    { seed: secret, other: "other" },
    "dd if=/dev/zero of=seed bs=1 count=$(stat -c %s seed) conv=notrunc 2>/dev/null",
  );
  t.is(files.seed, "\0".repeat(secret.length));
  t.is(files.other, "other");
  t.false(raw.includes("a secret of the seed"));
});

for (const [how, script] of [
  ["cut to nothing and written anew", "sync -f .; echo stub > seed"],
  ["replaced by another file", "echo stub > seed.new; sync -f .; mv seed.new seed"],
] as const)
  test(`a file that is ${how} leaves what it held, as on a board`, async (t) => {
    const { files, raw } = await afterChange({ seed: secret }, script);
    t.deepEqual(files, { seed: "stub\n" });
    t.true(raw.includes("a secret of the seed"));
  });

test("new files, directories and removals reach the card", async (t) => {
  const { files } = await afterChange(
    { gone: "1", kept: "2", "long name.config": "3" },
    "rm gone; mkdir -p current/state; echo new > current/state/UPPER.txt; printf 4 >> 'long name.config'",
  );
  t.deepEqual(files, { kept: "2", "long name.config": "34", "current/state/UPPER.txt": "new\n" });
});
