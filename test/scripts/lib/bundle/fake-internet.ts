import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { pack, type Header } from "tar-stream";
import { buffer } from "node:stream/consumers";

/** What a test's servers serve, and how they misbehave. */
export interface FakeInternet {
  /** host:port of the one server that is registry, release site and file server. */
  readonly host: string;
  /** Paths by what is there. */
  readonly files: Map<string, Buffer>;
  /** Asked for a token before anything of a registry is served. */
  login: boolean;
  /** Called before each answer; true: it has answered itself. */
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Methods and paths, and from which byte on, as they came in. */
  readonly requests: string[];
  readonly close: () => void;
}

/** A server on the loopback interface that serves files with ranges, as registries and web servers do. */
export async function fakeInternet(): Promise<FakeInternet> {
  const server = createServer((request, response) => {
    const { pathname, search } = new URL(request.url ?? "/", "http://here");
    const [, from = "0"] = /^bytes=(\d+)-$/.exec(request.headers.range ?? "") ?? [];
    internet.requests.push(`${request.method ?? ""} ${pathname}${from === "0" ? "" : ` from ${from}`}`);
    if (internet.intercept(request, response)) return;
    if (pathname === "/token") {
      response.end(JSON.stringify({ token: `for ${search}`, expires_in: 300 }));
      return;
    }
    if (
      internet.login &&
      pathname.startsWith("/v2/") &&
      request.headers.authorization?.startsWith("Bearer for ") !== true
    ) {
      const realm = `Bearer realm="http://${internet.host}/token",service="fake",scope="repository:x:pull"`;
      response.writeHead(401, { "www-authenticate": realm }).end("{}");
      return;
    }
    const file = internet.files.get(pathname);
    if (file === undefined) response.writeHead(404).end();
    else sendFile(file, Number(from), request, response);
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const internet: FakeInternet = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    files: new Map(),
    login: false,
    intercept: () => false,
    requests: [],
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return internet;
}

function sendFile(file: Buffer, from: number, request: IncomingMessage, response: ServerResponse): void {
  if (from >= file.length && from > 0) {
    response.writeHead(416, { "content-range": `bytes */${file.length}` }).end();
    return;
  }
  response.writeHead(from > 0 ? 206 : 200, {
    "content-length": file.length - from,
    ...(from > 0 && { "content-range": `bytes ${from}-${file.length - 1}/${file.length}` }),
  });
  if (request.method === "HEAD") response.end();
  else response.end(file.subarray(from));
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function digestOf(bytes: Uint8Array | string): string {
  return `sha256:${sha256(bytes)}`;
}

/** A tar archive of these files. */
export async function tarOf(
  entries: readonly (Partial<Header> & { name: string; content?: Buffer | string })[],
): Promise<Buffer> {
  const archive = pack();
  for (const { content = "", ...header } of entries)
    archive.entry({ mtime: new Date(1_700_000_000_000), ...header }, Buffer.from(content));
  archive.finalize();
  return await buffer(archive);
}

export interface FakeImage {
  /** host:port/repository:tag@digest of its list of platforms. */
  readonly reference: string;
  /** Of the manifest for the boards. */
  readonly manifest: string;
}

/** Puts an image of these layers (gzip) into the registry, in a list with one for other boards. */
export function serveImage(
  internet: FakeInternet,
  repository: string,
  tag: string,
  tars: readonly Buffer[],
  architecture = "arm64",
): FakeImage {
  const put = (kind: string, bytes: Buffer) => {
    internet.files.set(`/v2/${repository}/${kind}/${digestOf(bytes)}`, bytes);
    return { digest: digestOf(bytes), size: bytes.length };
  };
  const config = {
    architecture,
    os: "linux",
    config: { Entrypoint: ["/bin/ollama"], Env: ["PATH=/usr/bin"] },
    rootfs: { type: "layers", diff_ids: tars.map(digestOf) },
    history: tars.map((_, index) => ({ created_by: `COPY ${index}` })),
  };
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.docker.distribution.manifest.v2+json",
      config: {
        mediaType: "application/vnd.docker.container.image.v1+json",
        ...put("blobs", Buffer.from(JSON.stringify(config))),
      },
      layers: tars.map((tar) => ({
        mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip",
        ...put("blobs", gzipSync(tar)),
      })),
    }),
  );
  const other = { architecture: "s390x", os: "linux" };
  const list = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: [
        {
          mediaType: "application/vnd.oci.image.manifest.v1+json",
          digest: digestOf("other"),
          size: 5,
          platform: other,
        },
        {
          mediaType: "application/vnd.docker.distribution.manifest.v2+json",
          ...put("manifests", manifest),
          platform: { architecture, os: "linux", variant: "v8" },
        },
      ],
    }),
  );
  put("manifests", list);
  return {
    reference: `${internet.host}/${repository}:${tag}@${digestOf(list)}`,
    manifest: digestOf(manifest),
  };
}

/** Puts a model into the registry, as Ollama's has it. @returns the digest of its manifest */
export function serveModel(internet: FakeInternet, name: string, tag: string, weights: Buffer): string {
  const put = (bytes: Buffer) => {
    internet.files.set(`/v2/library/${name}/blobs/${digestOf(bytes)}`, bytes);
    return { digest: digestOf(bytes), size: bytes.length };
  };
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.docker.distribution.manifest.v2+json",
      config: {
        mediaType: "application/vnd.docker.container.image.v1+json",
        ...put(Buffer.from('{"model_format":"gguf"}')),
      },
      layers: [
        { mediaType: "application/vnd.ollama.image.model", ...put(weights) },
        { mediaType: "application/vnd.ollama.image.params", ...put(Buffer.from('{"stop":["<end>"]}')) },
      ],
    }),
  );
  internet.files.set(`/v2/library/${name}/manifests/${tag}`, manifest);
  return digestOf(manifest);
}
