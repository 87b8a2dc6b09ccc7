import { createHash, randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { fetchImage } from "../../../stacks/cards/image-download.ts";
import type { ImageOptions } from "../../../stacks/cards/image.ts";
import type { Patience } from "../../../stacks/download.ts";
import { UserError } from "../../../stacks/user-error.ts";

const directory = mkdtempSync(join(tmpdir(), "bramble-download-"));
const cache = join(directory, "bramble/images");
test.before(() => {
  process.env.XDG_CACHE_HOME = directory;
  mkdirSync(cache, { recursive: true });
});
test.after.always(() => {
  rmSync(directory, { recursive: true });
});

/** Long enough for a machine that does much else. */
const patience: Patience = { silence: 10_000, tries: 3, pause: 10 };
const shortPatience: Patience = { ...patience, silence: 500 };

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** What a test's server does with a request, and how often it was asked. */
interface Served {
  readonly url: string;
  readonly requests: IncomingMessage["headers"][];
}

type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void;

async function serve(t: ExecutionContext, answer: Answer): Promise<Served> {
  const requests: IncomingMessage["headers"][] = [];
  const server = createServer((request, response) => {
    requests.push(request.headers);
    answer(request, response, requests.length);
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/os.img`, requests };
}

/** Breaks connections off when the client has so many bytes. */
function breaker() {
  let next: { readonly end: number; readonly response: ServerResponse } | undefined;
  return {
    after: (end: number, response: ServerResponse) => {
      next = { end, response };
      return end;
    },
    progress: (done: number) => {
      if (next !== undefined && done >= next.end) next.response.destroy();
    },
  };
}

/** Answers as a web server with ranges does (RFC 9110, 13.1.5 and 14). @param end sends nothing from this byte on */
function sendFile(request: IncomingMessage, response: ServerResponse, file: Buffer, etag?: string, end?: number): void {
  const [, wanted] = /^bytes=(\d+)-$/.exec(request.headers.range ?? "") ?? [];
  const condition = request.headers["if-range"];
  const from = wanted === undefined || (condition !== undefined && condition !== etag) ? 0 : Number(wanted);
  if (from >= file.length) {
    response.writeHead(416, { "content-range": `bytes */${file.length}` }).end();
    return;
  }
  response.writeHead(from > 0 ? 206 : 200, {
    "content-length": file.length - from,
    ...(etag !== undefined && { etag }),
    ...(from > 0 && { "content-range": `bytes ${from}-${file.length - 1}/${file.length}` }),
  });
  if (end === undefined) response.end(file.subarray(from));
  else response.write(file.subarray(from, end));
}

async function fetched(
  served: Served,
  sha256: string,
  options: ImageOptions = {},
  limits: Patience = patience,
): Promise<Buffer> {
  return readFileSync(await fetchImage(served.url, sha256, options, limits));
}

test("a file is fetched once, with progress, and takes its name when its digest is right", async (t) => {
  const file = randomBytes(3_000_000);
  const served = await serve(t, (request, response) => {
    sendFile(request, response, file);
  });
  const seen: [number, number | undefined][] = [];
  const path = await fetchImage(served.url, digest(file), { progress: (done, total) => seen.push([done, total]) });
  t.is(path, join(cache, digest(file)));
  t.true(readFileSync(path).equals(file));
  t.deepEqual(seen.at(-1), [file.length, file.length]);
  await fetchImage(served.url, digest(file));
  t.is(served.requests.length, 1);
  t.deepEqual(
    readdirSync(cache).filter((name) => name.startsWith(digest(file))),
    [digest(file)],
  );
});

test("a download that breaks off goes on where it stopped, however often", async (t) => {
  const file = randomBytes(1_000_000);
  const { after, progress } = breaker();
  const served = await serve(t, (request, response, count) => {
    sendFile(request, response, file, '"v1"', count < 6 ? after(count * 150_000, response) : undefined);
  });
  t.true((await fetched(served, digest(file), { progress })).equals(file));
  t.is(served.requests.length, 6);
  t.is(served.requests[1]?.["if-range"], '"v1"');
  const starts = served.requests.slice(1).map(({ range }) => Number(/\d+/.exec(range ?? "")?.[0]));
  t.deepEqual(starts, [150_000, 300_000, 450_000, 600_000, 750_000]);
});

test("one that was killed goes on in the next run, from another server too", async (t) => {
  const file = randomBytes(500_000);
  const partial = join(cache, `${digest(file)}.partial`);
  writeFileSync(partial, file.subarray(0, 200_000));
  writeFileSync(`${partial}.json`, JSON.stringify({ url: "http://elsewhere.example/os.img", validator: '"other"' }));
  const served = await serve(t, (request, response) => {
    sendFile(request, response, file, '"here"');
  });
  t.true((await fetched(served, digest(file))).equals(file));
  t.is(served.requests[0]?.range, "bytes=200000-");
  t.is(served.requests[0]?.["if-range"], undefined);
  t.false(existsSync(`${partial}.json`));
});

test("one that was killed when it had all bytes needs none", async (t) => {
  const file = randomBytes(100_000);
  writeFileSync(join(cache, `${digest(file)}.partial`), file);
  const served = await serve(t, (request, response) => {
    sendFile(request, response, file);
  });
  t.true((await fetched(served, digest(file))).equals(file));
});

test("a server that ignores ranges has it start over", async (t) => {
  const file = randomBytes(300_000);
  const { after, progress } = breaker();
  const served = await serve(t, (_, response, count) => {
    response.writeHead(200, { "content-length": file.length });
    if (count > 1) response.end(file);
    else response.write(file.subarray(0, after(100_000, response)));
  });
  t.true((await fetched(served, digest(file), { progress })).equals(file));
  t.is(served.requests[1]?.range, "bytes=100000-");
});

test("a file that changes on the server meanwhile is fetched anew", async (t) => {
  const older = randomBytes(300_000);
  const file = randomBytes(280_000);
  const { after, progress } = breaker();
  const served = await serve(t, (request, response, count) => {
    if (count === 1) sendFile(request, response, older, '"old"', after(100_000, response));
    else sendFile(request, response, file, '"new"');
  });
  t.true((await fetched(served, digest(file), { progress })).equals(file));
  t.is(served.requests.length, 2);
});

test("so is one that changes on a server that doesn't say so", async (t) => {
  const older = randomBytes(300_000);
  const file = randomBytes(300_000);
  const { after, progress } = breaker();
  const served = await serve(t, (request, response, count) => {
    if (count === 1) sendFile(request, response, older, undefined, after(100_000, response));
    else sendFile(request, response, file);
  });
  t.true((await fetched(served, digest(file), { progress })).equals(file));
  t.is(served.requests.length, 3);
  t.is(served.requests[2]?.range, undefined);
});

test("one that got shorter than what is here is fetched anew", async (t) => {
  const file = randomBytes(100_000);
  writeFileSync(join(cache, `${digest(file)}.partial`), randomBytes(150_000));
  const served = await serve(t, (request, response) => {
    sendFile(request, response, file);
  });
  t.true((await fetched(served, digest(file))).equals(file));
});

test("a wrong file is refused, naming both digests, and is kept aside", async (t) => {
  const wrong = randomBytes(100_000);
  const sha256 = digest(randomBytes(10));
  const served = await serve(t, (request, response) => {
    sendFile(request, response, wrong);
  });
  const error = await t.throwsAsync(fetchImage(served.url, sha256, {}, patience), { instanceOf: UserError });
  t.true(error.message.includes(sha256) && error.message.includes(digest(wrong)));
  t.true(error.message.includes(`${sha256}.mismatch`));
  t.true(readFileSync(join(cache, `${sha256}.mismatch`)).equals(wrong));
  t.false(existsSync(join(cache, sha256)));
  t.is(served.requests.length, 1);
});

test("redirects are followed, and loops of them are not", async (t) => {
  const file = randomBytes(100_000);
  const served = await serve(t, (request, response) => {
    if (request.url === "/os.img") response.writeHead(302, { location: "/mirror/os.img" }).end();
    else if (request.url === "/loop") response.writeHead(302, { location: "/loop" }).end();
    else if (request.url === "/away") response.writeHead(302, { location: "file:///etc/passwd" }).end();
    else sendFile(request, response, file);
  });
  t.true((await fetched(served, digest(file))).equals(file));
  for (const path of ["/loop", "/away"])
    await t.throwsAsync(fetchImage(new URL(path, served.url).href, digest(randomBytes(9)), {}, patience), {
      instanceOf: UserError,
      message: /redirects/,
    });
});

test("what the server refuses is asked for once; what may pass, again", async (t) => {
  const file = randomBytes(1000);
  const gone = await serve(t, (_, response) => {
    response.writeHead(404).end();
  });
  await t.throwsAsync(fetched(gone, digest(file)), { instanceOf: UserError, message: /answers 404 Not Found/ });
  t.is(gone.requests.length, 1);
  const busy = await serve(t, (request, response, count) => {
    if (count === 1) response.writeHead(503).end();
    else sendFile(request, response, file);
  });
  t.true((await fetched(busy, digest(file))).equals(file));
});

test("a server that falls silent or is away is given up in the end, and what is here is kept", async (t) => {
  const file = randomBytes(200_000);
  const silent = await serve(t, (_, response, count) => {
    if (count === 1) response.writeHead(200, { "content-length": file.length }).write(file.subarray(0, 50_000));
  });
  await t.throwsAsync(fetched(silent, digest(file), {}, shortPatience), {
    instanceOf: UserError,
    message: /can't be fetched: .*said nothing for 0.5 s\n.*the 50000 bytes that are here are kept/,
  });
  t.is(silent.requests.length, 3);
  t.is(statSync(join(cache, `${digest(file)}.partial`)).size, 50_000);
  const away = fetchImage("http://127.0.0.1:9/os.img", digest(randomBytes(8)), {}, patience);
  await t.throwsAsync(away, { instanceOf: UserError, message: /ECONNREFUSED/ });
});

test("two at once fetch it once", async (t) => {
  const file = randomBytes(500_000);
  const served = await serve(t, (request, response) => {
    setTimeout(() => {
      sendFile(request, response, file);
    }, 50);
  });
  const both = await Promise.all([fetched(served, digest(file)), fetched(served, digest(file))]);
  for (const bytes of both) t.true(bytes.equals(file));
  t.is(served.requests.length, 1);
});

test("a download stops when it is told to, and goes on later", async (t) => {
  const file = randomBytes(200_000);
  const served = await serve(t, (request, response, count) => {
    if (count > 1) sendFile(request, response, file, '"v"');
    else response.writeHead(200, { "content-length": file.length, etag: '"v"' }).write(file.subarray(0, 50_000));
  });
  const controller = new AbortController();
  const reason = new Error("stopped");
  const options = {
    progress: (done: number) => {
      if (done === 50_000) controller.abort(reason);
    },
    signal: controller.signal,
  };
  await t.throwsAsync(fetched(served, digest(file), options), { is: reason });
  t.true((await fetched(served, digest(file))).equals(file));
  t.is(served.requests[1]?.range, "bytes=50000-");
});
