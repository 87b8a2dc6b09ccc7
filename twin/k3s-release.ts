import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { chmod, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { $ } from "zx";
import { artefact, type Artefact } from "../stacks/config/fields.ts";
import { UserError } from "../stacks/user-error.ts";
import { cached } from "./cache.ts";
import type { Progress } from "./progress.ts";

/**
 * The K3s that the twin runs of each line, the first by default. The launcher in twin/k3s has a module file a line, with
 * the same Kubernetes versions.
 */
export const k3sVersions = { "1.34": "v1.34.2+k3s1", "1.35": "v1.35.4+k3s1" } as const;

export type K3sLine = keyof typeof k3sVersions;

const defaultLine = "1.34" satisfies K3sLine;

const releaseSchema = z.object({
  version: z.string(),
  origin: z.enum(["given", "downloaded", "launcher"]),
  binary: artefact,
  images: z.array(artefact),
});

/** What a site's configuration says of K3s, and where it came from. */
export type K3sRelease = z.infer<typeof releaseSchema>;

/**
 * The K3s of the twin: the file that BRAMBLE_K3S names (with BRAMBLE_K3S_IMAGES, its air-gap images), else the release
 * where it can be downloaded, else the launcher of twin/k3s, built here. Any but the default line, which serves to upgrade
 * to, is never the file of BRAMBLE_K3S. Only the line that is asked for is made.
 */
export async function provideK3s(report: Progress, line: K3sLine = defaultLine): Promise<K3sRelease> {
  const given = process.env.BRAMBLE_K3S;
  if (line === defaultLine && given !== undefined && given !== "")
    return givenRelease(given, process.env.BRAMBLE_K3S_IMAGES);
  const version = k3sVersions[line];
  const directory = await cached("k3s", [version, process.arch, await sourceDigest(line)], async (output) => {
    const downloaded = await downloadRelease(version, output, report);
    if (!downloaded) await buildLauncher(line, output, report);
    const [binary, images] = downloaded
      ? [join(output, "k3s"), join(output, `k3s-airgap-images-${goArch}.tar.zst`)]
      : [join(output, "k3s"), join(output, `k3s-airgap-images-${goArch}.tar`)];
    const release = {
      version,
      origin: downloaded ? "downloaded" : "launcher",
      binary: await digestOf(binary),
      images: [await digestOf(images)],
    };
    await writeFile(join(output, "release.json"), JSON.stringify(release));
  });
  const release = releaseSchema.parse(JSON.parse(await readFile(join(directory, "release.json"), "utf8")));
  // The paths were written while the cache entry was being built, under another name.
  const place = ({ file, sha256 }: Artefact) => ({ file: join(directory, file.split("/").at(-1) ?? ""), sha256 });
  report(
    release.origin === "downloaded"
      ? `${version}, downloaded`
      : `${version}, the launcher of twin/k3s, since K3s's release cannot be downloaded here`,
  );
  return { ...release, binary: place(release.binary), images: release.images.map(place) };
}

const goArch = process.arch === "x64" ? "amd64" : process.arch;
const launcherSource = join(import.meta.dirname, "k3s");

async function givenRelease(file: string, images: string | undefined): Promise<K3sRelease> {
  const described = await $({ nothrow: true, quiet: true })`${file} --version`;
  const found = /^k3s version (\S+)/.exec(described.stdout)?.[1];
  if (found === undefined)
    throw new UserError({
      what: "is not a k3s executable for this machine",
      where: `BRAMBLE_K3S=${file}`,
      next: "name a k3s executable, or unset BRAMBLE_K3S",
    });
  return {
    version: found,
    origin: "given",
    binary: await digestOf(file),
    images: images === undefined || images === "" ? [] : [await digestOf(images)],
  };
}

/** @returns false where the release cannot be reached; a file that differs from the release's checksums is an error */
async function downloadRelease(version: string, output: string, report: Progress): Promise<boolean> {
  report(`looking for ${version}'s release`);
  const base = `https://github.com/k3s-io/k3s/releases/download/${encodeURIComponent(version)}`;
  const [binary, images] = [goArch === "amd64" ? "k3s" : `k3s-${goArch}`, `k3s-airgap-images-${goArch}.tar.zst`];
  const sums = await fetch(`${base}/sha256sum-${goArch}.txt`, { signal: AbortSignal.timeout(20_000) })
    .then((response) => (response.ok ? response.text() : undefined))
    .catch(() => undefined);
  if (sums === undefined) return false;
  for (const [name, saved] of [
    [binary, "k3s"],
    [images, images],
  ] as const) {
    report(`downloading ${name}`);
    const response = await fetch(`${base}/${name}`);
    if (!response.ok || response.body === null) return false;
    await pipeline(Readable.fromWeb(response.body), createWriteStream(join(output, saved)));
    const { sha256 } = await digestOf(join(output, saved));
    const expected = sums
      .split("\n")
      .find((line) => line.trim().endsWith(` ${name}`))
      ?.slice(0, 64);
    if (sha256 !== expected)
      throw new UserError({
        what: `has the digest ${sha256}, the release says ${expected ?? "nothing of it"}`,
        where: name,
        next: "run this again; if it stays so, do not trust the download",
      });
  }
  await chmod(join(output, "k3s"), 0o755);
  return true;
}

async function buildLauncher(line: K3sLine, output: string, report: Progress): Promise<void> {
  report(`building twin/k3s from the modules of Kubernetes ${line} (some minutes, once)`);
  const build = await $({
    nothrow: true,
    quiet: true,
    env: { ...process.env, GOTOOLCHAIN: "local" },
  })`${join(launcherSource, "build.sh")} ${output} ${line}`;
  if (build.exitCode !== 0)
    throw new UserError({
      what: `twin/k3s could not be built:\n${build.stderr.trim().split("\n").slice(-15).join("\n")}`,
      next: "mend what the build names (Go 1.26 and the Go module proxy are needed) and run this again",
    });
}

async function digestOf(file: string): Promise<Artefact> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return { file, sha256: hash.digest("hex") };
}

/** A digest over the launcher's source, so that a changed launcher is built again. */
async function sourceDigest(line: K3sLine): Promise<string> {
  const hash = createHash("sha256");
  for (const entry of launcherFiles(line, await readdir(launcherSource, { recursive: true }))) {
    const file = join(launcherSource, entry);
    if ((await stat(file)).isFile()) hash.update(entry).update(await readFile(file));
  }
  return hash.digest("hex");
}

/**
 * Which files of the launcher's directory a line is built from, sorted: not texts and tests, nor other lines' module files.
 * All are built with the default line's besides, which the images come from.
 */
export function launcherFiles(line: K3sLine, entries: readonly string[]): string[] {
  return entries
    .filter((entry) => !entry.endsWith(".md") && !entry.endsWith("_test.go"))
    .filter((entry) => {
      const other = /^go-(.+)\.(?:mod|sum)$/.exec(entry)?.[1];
      return other === undefined || other === line;
    })
    .sort();
}
