import test, { type ExecutionContext } from "ava";
import { Registries } from "../../../../scripts/lib/bundle/registry.ts";
import { UserError } from "../../../../stacks/user-error.ts";
import { digestOf, fakeInternet } from "./fake-internet.ts";

const patience = { silence: 1000, tries: 3, pause: 5 };

async function registry(t: ExecutionContext) {
  const internet = await fakeInternet();
  t.teardown(internet.close);
  const manifest = Buffer.from('{"layers":[]}');
  internet.files.set("/v2/a/b/manifests/latest", manifest);
  internet.login = true;
  const registries = new Registries(patience, new AbortController().signal);
  return {
    internet,
    registries,
    digest: digestOf(manifest),
    repository: { url: `http://${internet.host}`, name: "a/b" },
  };
}

test("a token is asked for once, and anew before it ends", async (t) => {
  const { internet, registries, repository, digest } = await registry(t);
  t.is((await registries.manifest(repository, "latest")).digest, digest);
  await registries.manifest(repository, "latest");
  const tokens = () => internet.requests.filter((request) => request === "GET /token").length;
  t.is(tokens(), 1);
  t.regex((await registries.blob(repository, digest).headers()).authorization ?? "", /^Bearer for \?/);
  t.is(tokens(), 1);

  const short = await registry(t);
  short.internet.intercept = (request, response) => {
    if (request.url?.startsWith("/token") !== true) return false;
    response.end(JSON.stringify({ access_token: `for ${short.internet.requests.length}`, expires_in: 10 }));
    return true;
  };
  const { headers } = short.registries.blob(short.repository, digest);
  t.deepEqual(await headers(), {});
  await short.registries.manifest(short.repository, "latest");
  t.notDeepEqual(await headers(), await headers());
});

test("what may pass is tried again, what will not is not", async (t) => {
  const { internet, registries, repository } = await registry(t);
  internet.login = false;
  let left = 2;
  internet.intercept = (_, response) => {
    if (left-- <= 0) return false;
    response.writeHead(503).end();
    return true;
  };
  await t.notThrowsAsync(registries.manifest(repository, "latest"));
  left = 3;
  await t.throwsAsync(registries.manifest(repository, "latest"), {
    instanceOf: UserError,
    message: /the registry can't be reached: the registry answers 503/,
  });
  internet.requests.length = 0;
  await t.throwsAsync(registries.manifest(repository, "none"), { instanceOf: UserError, message: /no such tag/ });
  t.is(internet.requests.length, 1);
});

test("more than a manifest can be is not read", async (t) => {
  const { internet, registries, repository } = await registry(t);
  internet.files.set("/v2/a/b/manifests/latest", Buffer.alloc(5 << 20));
  await t.throwsAsync(registries.manifest(repository, "latest"), {
    instanceOf: UserError,
    message: /more than a manifest/,
  });
});

test("a registry that wants a password gets none", async (t) => {
  const { internet, registries, repository } = await registry(t);
  internet.intercept = (_, response) => {
    response.writeHead(401, { "www-authenticate": 'Basic realm="private"' }).end();
    return true;
  };
  await t.throwsAsync(registries.manifest(repository, "latest"), { instanceOf: UserError, message: /wants a login/ });
  t.is(internet.requests.length, 1);
});
