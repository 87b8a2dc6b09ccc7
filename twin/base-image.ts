import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { cp, readFile, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { $ } from "zx";
import { quote } from "../stacks/remote/connection.ts";
import { cached } from "./cache.ts";
import { partitionTypes, renderBootRecord } from "./card-layout.ts";
import type { Progress } from "./progress.ts";

/**
 * The twin's stand-in for a Raspberry Pi OS image: Debian on an image file laid out like a Pi's card (master boot record,
 * FAT boot partition, ext4 root) and with its manners (cloud-init seed on the boot partition, sshd off, no host keys).
 */
export interface BaseImage {
  /** Path of the image; sparse, read-only by agreement. */
  readonly file: string;
  /** Of the whole image, in hex. */
  readonly sha256: string;
}

const suite = "bookworm";
const recipe = join(import.meta.dirname, "base-image");
const mebibyte = 1024 ** 2;
// A smaller FAT32 is not to mtools' liking, and Raspberry Pi OS uses the same size.
const boot = { type: partitionTypes.boot, offset: 8 * mebibyte, size: 512 * mebibyte };
const root = { type: partitionTypes.root, offset: boot.offset + boot.size, size: 3576 * mebibyte };
// The kernel command line names the root partition by this signature.
const diskId = 0xb7a3b1e0;
const rootUuid = "56f80fa2-e005-4cca-86e6-19da1069914d";
// Any fixed moment; what it stamps is then the same in each build.
const sourceDateEpoch = "1735689600";

const packages = [
  ...["systemd", "systemd-sysv", "dbus", "cloud-init", "openssh-server", "sudo", "python3-minimal", "ca-certificates"],
  ...[
    "iproute2",
    "iputils-ping",
    "iptables",
    "conntrack",
    "kmod",
    "procps",
    "ethtool",
    "socat",
    "netbase",
    "util-linux",
    "mount",
  ],
  // As on Raspberry Pi OS: the firewall, log rotation, what a data disk is formatted with.
  ...["nftables", "logrotate", "e2fsprogs"],
  // For `cloud-init schema` in a node.
  "python3-jsonschema",
  // runc, which K3s brings along, is linked against it on the twin.
  "libseccomp2",
];

/** The image, from the cache or built now (about a minute; needs root, mmdebstrap and the Debian archive). */
export async function baseImage(progress: Progress): Promise<BaseImage> {
  const architecture = (await $({ quiet: true })`dpkg --print-architecture`).stdout.trim();
  const keyParts = [suite, architecture, await readFile(import.meta.filename, "utf8"), ...(await recipeFiles())];
  const directory = await cached(
    "base-image",
    keyParts,
    (workplace) => build(workplace, progress),
    () => {
      progress("another run builds the base image, waiting for it");
    },
  );
  const digest = await readFile(join(directory, "sha256"), "utf8");
  return { file: join(directory, "card.img"), sha256: digest.trim() };
}

async function recipeFiles(): Promise<string[]> {
  const entries = await readdir(recipe, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = paths.sort().map(async (path) => [path.slice(recipe.length), await readFile(path, "utf8")]);
  return (await Promise.all(contents)).flat();
}

async function build(workplace: string, progress: Progress): Promise<void> {
  const system = join(workplace, "root");
  const image = join(workplace, "card.img");
  const shell = $({ quiet: true, env: { ...process.env, SOURCE_DATE_EPOCH: sourceDateEpoch, LC_ALL: "C.UTF-8" } });
  progress(`base image: unpacking Debian ${suite} with ${packages.length} packages and what they need`);
  const options = ["man", "doc", "locale"].map((kind) => `--dpkgopt=path-exclude=/usr/share/${kind}/*`);
  const sources = await hostSources();
  const keepingPackages = [
    '--aptopt=APT::Keep-Downloaded-Packages "true"',
    `--customize-hook=sh ${quote(join(recipe, "package-source.sh"))} "$1"`,
  ];
  await shell`mmdebstrap --mode=root --format=directory --variant=minbase ${options} ${keepingPackages} --include=${packages.join(",")} ${suite} ${system} ${sources}`;
  await cp(join(recipe, "files"), system, { recursive: true });
  await shell({ input: await readFile(join(recipe, "customize.sh")) })`chroot ${system} sh`;

  progress("base image: writing the card image");
  await writeFile(image, renderBootRecord({ boot, root }, diskId));
  await truncate(image, root.offset + root.size);
  const bootArguments = ["-F", "32", "-n", "bootfs", "-i", "b7a3b1e0", "--invariant", "-h", String(boot.offset / 512)];
  await shell`mkfs.vfat ${bootArguments} --offset ${boot.offset / 512} ${image} ${boot.size / 1024}`;
  const bootFiles = (await readdir(join(recipe, "boot"))).sort().map((name) => join(recipe, "boot", name));
  await shell`mcopy -i ${image}@@${boot.offset} ${bootFiles} ::`;
  const extended = `offset=${root.offset},hash_seed=${rootUuid},lazy_itable_init=1,nodiscard`;
  const rootArguments = ["-t", "ext4", "-F", "-q", "-L", "rootfs", "-U", rootUuid, "-m", "1", "-E", extended];
  // e2fsprogs before 1.47.1 does not know SOURCE_DATE_EPOCH, only its own variable for the same.
  const fixedTime = $({ quiet: true, env: { ...process.env, E2FSPROGS_FAKE_TIME: sourceDateEpoch } });
  await fixedTime`mke2fs ${rootArguments} -d ${system} ${image} ${root.size / 1024}k`;
  await rm(system, { recursive: true });

  progress("base image: computing its sha256");
  const hash = createHash("sha256");
  await pipeline(createReadStream(image, { highWaterMark: mebibyte }), hash);
  await writeFile(join(workplace, "sha256"), `${hash.digest("hex")}\n`);
}

/** This machine's own list of Debian archives if it serves the suite, so that a mirror configured here is used here too. */
async function hostSources(): Promise<string[]> {
  for (const file of ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"]) {
    if (existsSync(file) && (await readFile(file, "utf8")).includes(suite)) return [file];
  }
  return [];
}
