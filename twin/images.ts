import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { readFile, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { $ } from "zx";
import { root } from "../stacks/root.ts";
import { UserError } from "../stacks/user-error.ts";
import { cached } from "./cache.ts";
import { debianPrograms, haproxyPackages } from "./debian-programs.ts";
import { buildOllama, ollamaVersion } from "./ollama.ts";
import type { Progress } from "./progress.ts";
import { writeTar, type TarEntry } from "./tar.ts";

/** A container image as an archive that containerd imports. */
export interface ImageArchive {
  /** Its name, with a tag that follows its content. */
  readonly reference: string;
  readonly file: string;
  /** Of the archive, in hexadecimal. */
  readonly sha256: string;
}

const busybox = "/bin/busybox";
const node = join(root, "node_modules", "node", "bin", "node");

/**
 * The images of every twin, from the cache or made now: Ollama with a shell, in place of its official one, which no package
 * registry serves; and this project's own pinned Node for the benchmark, in place of an image from a registry.
 */
export async function buildImages(progress: Progress): Promise<{ ollama: ImageArchive; runner: ImageArchive }> {
  const binaries = await buildOllama(progress);
  return {
    ollama: await buildImage("ollama", ollamaVersion, await ollamaFiles(binaries), progress),
    runner: await buildRunnerImage(progress),
  };
}

/** HAProxy from its Debian package with a shell, in place of its official image. */
export async function buildProxyImage(progress: Progress): Promise<ImageArchive> {
  return await buildImage("haproxy", "2.6", await proxyFiles(progress), progress);
}

/** Debian's docker-registry and nginx, in place of their official images. */
export async function buildRegistryImages(
  progress: Progress,
): Promise<{ registry: ImageArchive; nginx: ImageArchive }> {
  const unpacked = await debianPrograms(["docker-registry", "nginx"], progress);
  const binary = (path: string) => join(unpacked, "usr", path);
  const registry = await programFiles("registry", binary("bin/docker-registry"), unpacked);
  const nginx = await programFiles("nginx", binary("sbin/nginx"), unpacked);
  return {
    registry: await buildImage("registry", "2.8", registry, progress),
    nginx: await buildImage("nginx", "1.22", nginx, progress),
  };
}

async function proxyFiles(progress: Progress): Promise<TarEntry[]> {
  const unpacked = await debianPrograms(haproxyPackages, progress);
  const files = await programFiles("haproxy", join(unpacked, "usr", "sbin", "haproxy"), unpacked);
  return [...files, ...(await shellFiles())];
}

/** A program of unpacked packages, under a name on PATH, with its libraries: the packages' own and the system's. */
async function programFiles(name: string, path: string, unpacked: string): Promise<TarEntry[]> {
  const lib = join(unpacked, "usr", "lib");
  const own = (existsSync(lib) ? await readdir(lib) : [])
    .filter((directory) => directory.endsWith("-linux-gnu"))
    .map((directory) => join(lib, directory));
  const libraries = (await librariesOf(path, own)).map(async (library) =>
    // Where the loader looks by itself, wherever it was unpacked to.
    program(
      (library.startsWith(unpacked) ? library.slice(unpacked.length) : library).slice(1),
      await realpath(library),
    ),
  );
  return [program(`usr/local/bin/${name}`, path), ...(await Promise.all(libraries))];
}

/** The image that benchmarks run in: this project's pinned Node. */
export async function buildRunnerImage(progress: Progress): Promise<ImageArchive> {
  return await buildImage("node", "24", await nodeFiles(), progress);
}

async function ollamaFiles(binaries: string): Promise<TarEntry[]> {
  return [
    program("bin/ollama", join(binaries, "ollama")),
    program("bin/flock", join(binaries, "flock")),
    ...(await shellFiles()),
  ];
}

/** A static busybox under all its names. */
async function shellFiles(): Promise<TarEntry[]> {
  if (!existsSync(busybox) || (await librariesOf(busybox)).length > 0)
    throw new UserError({
      what: "images are made with a static busybox, and there is none",
      where: busybox,
      next: "apt-get install busybox-static",
    });
  const applets = (await $({ quiet: true })`${busybox} --list`).stdout.trim().split("\n");
  return [
    program("bin/busybox", busybox),
    ...applets
      .filter((name) => name !== "busybox")
      .map((name): TarEntry => ({ path: `bin/${name}`, kind: "symlink", to: "busybox" })),
  ];
}

async function nodeFiles(): Promise<TarEntry[]> {
  const libraries = (await librariesOf(node)).map(async (path) => program(path.slice(1), await realpath(path)));
  return [program("usr/local/bin/node", node), ...(await Promise.all(libraries))];
}

/**
 * The absolute paths of the shared libraries, the loader among them, that a program needs; none for a static one.
 * @param places directories where some of them are, besides the system's own
 */
async function librariesOf(path: string, places: readonly string[] = []): Promise<string[]> {
  const env = { ...process.env, ...(places.length === 0 ? {} : { LD_LIBRARY_PATH: places.join(":") }) };
  const { stdout, exitCode } = await $({ quiet: true, nothrow: true, env })`ldd ${path}`;
  if (exitCode !== 0) return [];
  return librariesIn(stdout);
}

/** The paths in what ldd prints. */
export function librariesIn(ldd: string): string[] {
  return [...ldd.matchAll(/^\s+(?:\S+ => )?(\/\S+) \(0x[0-9a-f]+\)$/gm)].map(([, path]) => path ?? "").sort();
}

function program(path: string, file: string): TarEntry {
  return { path, kind: "file", mode: 0o755, content: { file } };
}

async function buildImage(
  name: string,
  version: string,
  files: readonly TarEntry[],
  progress: Progress,
): Promise<ImageArchive> {
  const layer = withSurroundings(files);
  const keyParts = [await readFile(import.meta.filename, "utf8"), version, ...(await Promise.all(layer.map(describe)))];
  const directory = await cached(`image-${name}`, keyParts, async (workplace) => {
    progress(`image ${name}: packing ${files.length} files`);
    const archive = await writeImage(join(workplace, `${name}.tar`), `docker.io/bramble/${name}:${version}`, layer);
    await writeFile(join(workplace, "image.json"), JSON.stringify(archive));
  });
  const archive = JSON.parse(await readFile(join(directory, "image.json"), "utf8")) as Omit<ImageArchive, "file">;
  return { ...archive, file: join(directory, `${name}.tar`) };
}

/** The files with the directories that lead to them, and the little that programs expect of a system. */
function withSurroundings(files: readonly TarEntry[]): TarEntry[] {
  const users = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/tmp:/bin/false\n";
  const groups = "root:x:0:\nnobody:x:65534:\n";
  const all: TarEntry[] = [
    ...files,
    { path: "etc/passwd", kind: "file", mode: 0o644, content: Buffer.from(users) },
    { path: "etc/group", kind: "file", mode: 0o644, content: Buffer.from(groups) },
    { path: "tmp", kind: "directory", mode: 0o1777 },
  ];
  const parents = new Set<string>();
  for (const { path } of all)
    for (let parent = dirname(path); parent !== "."; parent = dirname(parent)) parents.add(parent);
  const directories = [...parents].map((path): TarEntry => ({ path, kind: "directory", mode: 0o755 }));
  return [...directories, ...all].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * Writes an image of one layer in the format of `docker save`, which containerd (and so K3s) imports. Nobody's by
 * default; a pod that must be root says so. The same layer gives the same bytes and the same tag.
 */
export async function writeImage(
  file: string,
  name: string,
  layer: readonly TarEntry[],
): Promise<Pick<ImageArchive, "reference" | "sha256">> {
  const layerFile = `${file}.layer`;
  const layerDigest = await writeTar(layerFile, layer);
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      os: "linux",
      config: { User: "65534:65534", Env: ["PATH=/usr/local/bin:/usr/bin:/bin"], WorkingDir: "/" },
      rootfs: { type: "layers", diff_ids: [`sha256:${layerDigest}`] },
    }),
  );
  const configDigest = createHash("sha256").update(config).digest("hex");
  const reference = `${name}-${configDigest.slice(0, 12)}`;
  const layerPath = `${layerDigest}/layer.tar`;
  const manifest = [{ Config: `${configDigest}.json`, RepoTags: [reference], Layers: [layerPath] }];
  const sha256 = await writeTar(file, [
    { path: "manifest.json", kind: "file", mode: 0o644, content: Buffer.from(JSON.stringify(manifest)) },
    { path: `${configDigest}.json`, kind: "file", mode: 0o644, content: config },
    { path: layerDigest, kind: "directory", mode: 0o755 },
    { path: layerPath, kind: "file", mode: 0o644, content: { file: layerFile } },
  ]);
  await rm(layerFile);
  return { reference, sha256 };
}

/** All that decides an entry's bytes, as text. */
async function describe(entry: TarEntry): Promise<string> {
  if (entry.kind !== "file" || Buffer.isBuffer(entry.content)) return JSON.stringify(entry);
  const hash = createHash("sha256");
  await pipeline(createReadStream(entry.content.file), hash);
  return JSON.stringify({ ...entry, content: hash.digest("hex") });
}
