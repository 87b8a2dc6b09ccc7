import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { readFile, rename, rm, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";
import { countUsed } from "../../../stacks/cards/chunk-memory.ts";
import type { Architecture, BundledImage } from "../../../stacks/config/bundle-lock.ts";
import { parseImageConfig, parseManifest, type Descriptor } from "./image-manifest.ts";
import { podReference, type ImageName } from "./image-name.ts";
import { withoutGpuLibraries, type LeftOut } from "./layer.ts";
import { syncFile } from "./sync-file.ts";

/** What an archive is made from. */
export interface ImageParts {
  /** As the configuration has it. */
  readonly source: string;
  readonly name: ImageName;
  readonly architecture: Architecture;
  readonly gpu: boolean;
  /** The image's manifest for the architecture, as the registry has it. */
  readonly manifest: Buffer;
  /** Where a blob of it lies, verified. */
  readonly blob: (digest: string) => string;
  readonly signal: AbortSignal;
}

/** A file of an archive. */
interface Member {
  readonly path: string;
  readonly content: Buffer | { readonly file: string };
}

/**
 * Packs an image as an OCI image layout in a tar archive, which K3s and `ctr images import` take, without the libraries for
 * graphics cards unless they are asked for. The same image gives the same bytes.
 * @throws UserError when the image is not for the boards, or can't do without what is left out
 */
export async function writeImageArchive(target: string, parts: ImageParts): Promise<BundledImage> {
  const { source, name, architecture, gpu, manifest: bytes, blob } = parts;
  const manifest = parseManifest(bytes, source);
  const config = parseImageConfig(await readFile(blob(manifest.config.digest)), manifest, architecture, source);

  const blobs = new Map<string, Member["content"]>();
  const layers: Descriptor[] = [];
  const diffIds = [...config.rootfs.diff_ids];
  const leftOut = new Map<string, { files: number; bytes: number }>();
  const temporary: string[] = [];
  try {
    for (const [index, layer] of manifest.layers.entries()) {
      const path = blob(layer.digest);
      const found = gpu ? [] : await gpuLibrariesIn(path, parts.signal);
      if (found.length === 0) {
        layers.push(layer);
        blobs.set(layer.digest, { file: path });
        continue;
      }
      for (const { path: directory, files, bytes: size } of found) {
        const sum = leftOut.get(directory) ?? { files: 0, bytes: 0 };
        leftOut.set(directory, { files: sum.files + files, bytes: sum.bytes + size });
      }
      const file = `${target}.layer-${index}`;
      temporary.push(file);
      // Not compressed again: what a compressor makes of it would depend on its version.
      const digest = await writeLayer(path, file, parts.signal);
      layers.push({ mediaType: plainLayer(layer.mediaType), digest, size: (await stat(file)).size });
      blobs.set(digest, { file });
      diffIds[index] = digest;
    }

    const changed = leftOut.size > 0;
    const madeConfig = changed
      ? json({ ...config, rootfs: { ...config.rootfs, diff_ids: diffIds } })
      : await readFile(blob(manifest.config.digest));
    const configDigest = digestOf(madeConfig);
    const made = changed
      ? json({ ...manifest, config: { ...manifest.config, digest: configDigest, size: madeConfig.length }, layers })
      : bytes;
    blobs.set(configDigest, madeConfig).set(digestOf(made), made);
    const reference = podReference(name, digestOf(made));
    await writeArchive(
      target,
      layoutOf(made, manifest.mediaType ?? "application/vnd.oci.image.manifest.v1+json", reference, blobs),
      parts.signal,
    );
    return {
      reference,
      gpu,
      sourceManifest: digestOf(bytes),
      manifest: digestOf(made),
      leftOut: [...leftOut].map(([path, sum]) => ({ path, ...sum })).sort((a, b) => (a.path < b.path ? -1 : 1)),
    };
  } finally {
    for (const file of temporary) await rm(file, { force: true });
  }
}

/** OCI Image Layout 1.0. The name stands where containerd looks for it first (containerd, client/import.go, imageName). */
function layoutOf(
  manifest: Buffer,
  mediaType: string,
  reference: string,
  blobs: ReadonlyMap<string, Member["content"]>,
): Member[] {
  const annotations = {
    "io.containerd.image.name": reference,
    "org.opencontainers.image.ref.name": reference.slice(reference.lastIndexOf(":") + 1),
  };
  const entry = { mediaType, digest: digestOf(manifest), size: manifest.length, annotations };
  return [
    { path: "oci-layout", content: json({ imageLayoutVersion: "1.0.0" }) },
    {
      path: "index.json",
      content: json({
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.index.v1+json",
        manifests: [entry],
      }),
    },
    ...[...blobs]
      .map(([digest, content]) => ({ path: `blobs/${digest.replace(":", "/")}`, content }))
      .sort((one, other) => (one.path < other.path ? -1 : 1)),
  ];
}

async function gpuLibrariesIn(path: string, signal: AbortSignal): Promise<LeftOut> {
  let leftOut: LeftOut = [];
  const reading = withoutGpuLibraries(path, (found) => {
    leftOut = found;
  });
  while ((await reading.next()).done !== true) signal.throwIfAborted();
  return leftOut;
}

/** @returns the layer's digest */
async function writeLayer(path: string, target: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  const reading = withoutGpuLibraries(path, () => undefined);
  await pipeline(
    reading,
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        yield chunk;
      }
    },
    createWriteStream(target),
    { signal },
  );
  return `sha256:${hash.digest("hex")}`;
}

/** Writes a tar archive that has its name only when it is whole. Owners are root and times 0. */
async function writeArchive(target: string, members: readonly Member[], signal: AbortSignal): Promise<void> {
  const archive = pack();
  const unfinished = `${target}.making`;
  const writing = pipeline(archive, createWriteStream(unfinished), { signal });
  const packing = async () => {
    for (const { path, content } of members) {
      const size = Buffer.isBuffer(content) ? content.length : (await stat(content.file)).size;
      const chunks = Buffer.isBuffer(content) ? [content] : createReadStream(content.file, { highWaterMark: 1 << 20 });
      await pipeline(
        counted(chunks as Iterable<Buffer> | AsyncIterable<Buffer>),
        archive.entry({ name: path, size, mode: 0o644, mtime: new Date(0) }),
        { signal },
      );
    }
    archive.finalize();
  };
  await Promise.all([writing, packing()]);
  await syncFile(unfinished);
  await rename(unfinished, target);
}

async function* counted(chunks: Iterable<Buffer> | AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  for await (const chunk of chunks) {
    countUsed(chunk.length);
    yield chunk;
  }
}

/** The media type of a layer that is not compressed, in the words that the image uses. */
function plainLayer(mediaType: string): string {
  return mediaType.startsWith("application/vnd.docker.")
    ? "application/vnd.docker.image.rootfs.diff.tar"
    : "application/vnd.oci.image.layer.v1.tar";
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
