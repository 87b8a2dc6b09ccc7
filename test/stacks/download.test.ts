import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createHash, randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { download, lengthOf, type Advice } from "../../stacks/download.ts";
import { UserError } from "../../stacks/user-error.ts";

const advice: Advice = {
  file: "the file",
  expectedBy: "the test says",
  otherDigest: "compare",
  refused: "correct it",
  redirected: "name the file",
  noRoom: "free space",
};
const patience = { silence: 500, tries: 2, pause: 5 };
const file = randomBytes(100_000);
const sha256 = createHash("sha256").update(file).digest("hex");

async function serve(t: ExecutionContext, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function folder(t: ExecutionContext): string {
  const made = mkdtempSync(join(tmpdir(), "bramble-download-"));
  t.teardown(() => {
    rmSync(made, { recursive: true });
  });
  return made;
}

test("headers are asked for before each connection, and no other host gets to see them", async (t) => {
  const seen: (string | undefined)[] = [];
  const elsewhere = await serve(t, (request, response) => {
    seen.push(`elsewhere ${request.headers.authorization ?? "nothing"}`);
    response.writeHead(200, { "content-length": file.length });
    // The first time it falls silent on the way.
    if (seen.length < 3) response.write(file.subarray(0, 1000));
    else response.end(file);
  });
  const url = await serve(t, (request, response) => {
    seen.push(`registry ${request.headers.authorization ?? "nothing"}`);
    response.writeHead(307, { location: `${elsewhere}/blob` }).end();
  });
  const path = join(folder(t), "blob");
  let count = 0;
  const headers = () => Promise.resolve({ authorization: `Bearer ${++count}` });
  await download({ url, sha256, path, headers, advice }, {}, patience);
  t.true(readFileSync(path).equals(file));
  t.deepEqual(seen, ["registry Bearer 1", "elsewhere nothing", "registry Bearer 2", "elsewhere nothing"]);
});

test("a length is what the server says, and nothing where it does not", async (t) => {
  const url = await serve(t, (request, response) => {
    if (request.url === "/gone") response.writeHead(404).end();
    else if (request.url === "/moved") response.writeHead(302, { location: "/file" }).end();
    else if (request.url === "/file") response.writeHead(200, { "content-length": 100_000 }).end();
    else response.writeHead(405).end();
  });
  t.is(await lengthOf({ url: `${url}/moved`, advice }, undefined, patience), 100_000);
  t.is(await lengthOf({ url: `${url}/no-head`, advice }, undefined, patience), undefined);
  const error = await t.throwsAsync(lengthOf({ url: `${url}/gone`, advice }, undefined, patience), {
    instanceOf: UserError,
  });
  t.regex(error.message, /the server answers 404 Not Found\n {2}Next: correct it/);
  await t.throwsAsync(lengthOf({ url: "http://127.0.0.1:1023/", advice }, undefined, patience), {
    instanceOf: UserError,
    message: /ECONNREFUSED/,
  });
});
