import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { lock } from "proper-lockfile";
import { filesIn } from "../../../../scripts/lib/bundle/gather.ts";
import { parseLock } from "../../../../stacks/config/bundle-lock.ts";
import { UserError } from "../../../../stacks/user-error.ts";
import { matchesGolden } from "../../../golden.ts";
import { digestOf, serveImage, sha256, tarOf } from "./fake-internet.ts";
import { content, fakeSite, ollamaLayers, release, type FakeSite } from "./fake-site.ts";

const cache = mkdtempSync(join(tmpdir(), "bramble-bundle-cache-"));
test.before(() => {
  process.env.XDG_CACHE_HOME = cache;
});
test.after.always(() => {
  rmSync(cache, { recursive: true });
});

function lockOf(site: FakeSite) {
  return parseLock(lockText(site), "lock");
}

function lockText({ directory }: FakeSite): string {
  return readFileSync(join(directory, "bundle.lock.json"), "utf8");
}

const blobOf = (bytes: Buffer) => `/v2/library/gemma3/blobs/${digestOf(bytes)}`;
const binaryPath = `/releases/${encodeURIComponent(release)}/k3s-arm64`;

test("all that a site needs is gathered, with a lock of every file", async (t) => {
  const site = await fakeSite(t);
  site.internet.login = true;
  const said = await site.run();
  const { entries } = lockOf(site);
  const archive = entries.find(({ image }) => image !== undefined);
  matchesGolden(
    t,
    "bundle/bundle.lock.json",
    lockText(site)
      .replaceAll(site.internet.host, "registry.example")
      .replaceAll(join(site.bundles, ".."), "downloads")
      // The archive holds the image's name, which holds the server's port.
      .replace(archive?.sha256 ?? "", "0".repeat(64)),
  );
  t.deepEqual(
    await filesIn(site.directory),
    entries.map(({ name }) => name),
  );
  for (const { name, bytes, sha256: expected } of entries) {
    const file = readFileSync(join(site.directory, name));
    t.is(file.length, bytes, name);
    t.is(sha256(file), expected, name);
  }
  t.false(existsSync(join(site.directory, ".partial")));
  t.regex(said, /barn: 15 files, 0\.3 MB, of which 0\.2 MB are still to be fetched; 1000 GB free/);
  t.regex(said, /threads-2: there is no Pulumi\.threads-2\.yaml/);
  t.regex(said, /ollama:0\.17\.4-[0-9a-f]{12}, without 80000 B for graphics cards/);
  t.regex(said, /would wait for them in vain:\n {2}Pulumi\.threads-1\.yaml, images\.ollama: /);
  t.notRegex(said, /images\.runner/);
});

test("what is whole is neither fetched nor asked for again, and the lock stays", async (t) => {
  const site = await fakeSite(t);
  await site.run();
  const before = lockText(site);
  const images = statSync(join(site.directory, "images"));
  site.internet.requests.length = 0;
  site.internet.intercept = (_, response) => {
    response.destroy();
    return true;
  };
  t.regex(await site.run(), /15 files, 0\.3 MB, all of it here/);
  t.deepEqual(site.internet.requests, []);
  t.is(lockText(site), before);
  t.is(statSync(join(site.directory, "images")).mtimeMs, images.mtimeMs);
});

test("a bundle from another directory is the same bytes", async (t) => {
  const [one, other] = [await fakeSite(t), await fakeSite(t)];
  const stable = ({ kind, name, bytes, sha256: digest }: ReturnType<typeof lockOf>["entries"][number]) => [
    ...[kind, bytes, digest],
    // The reference holds the server's port.
    kind === "workload-image" ? "" : name,
  ];
  await one.run();
  await other.run();
  const images = (site: FakeSite) => lockOf(site).entries.filter(({ image }) => image === undefined);
  t.deepEqual(images(one).map(stable), images(other).map(stable));
});

test("--dry-run says what there is to fetch and changes nothing", async (t) => {
  const site = await fakeSite(t);
  const said = await site.run(["--dry-run"]);
  t.regex(said, /k3s-binary +20000 B +to fetch +k3s\/k3s-arm64 +http:/);
  t.regex(said, /model +71 B +here /);
  t.regex(said, /15 files/);
  t.false(existsSync(site.directory));
});

test("a run that broke off goes on at the missing bytes", async (t) => {
  const site = await fakeSite(t);
  let cut = true;
  site.internet.intercept = (request, response) => {
    if (!cut || request.method !== "GET" || request.url !== blobOf(content.weights)) return false;
    response.writeHead(200, { "content-length": content.weights.length });
    // And then silence. The second try finds the same server, which starts over.
    response.write(content.weights.subarray(0, 70_000));
    return true;
  };
  const error = await t.throwsAsync(site.run(), { instanceOf: UserError });
  t.regex(error.message, /gemma3\/blobs.*can't be fetched/);
  t.false(existsSync(join(site.directory, "bundle.lock.json")));
  cut = false;
  site.internet.requests.length = 0;
  await site.run();
  t.regex(site.internet.requests.find((one) => one.startsWith(`GET ${blobOf(content.weights)}`)) ?? "", / from 70000$/);
  t.false(site.internet.requests.some((request) => request.startsWith(`GET ${binaryPath}`)));
  t.is(lockOf(site).entries.length, 15);
});

test("a server that knows no ranges has a file start over", async (t) => {
  const site = await fakeSite(t);
  let count = 0;
  site.internet.intercept = (request, response) => {
    if (request.method !== "GET" || request.url !== "/os/raspios.img.xz") return false;
    count++;
    response.writeHead(200, { "content-length": content.os.length });
    if (count === 1) response.write(content.os.subarray(0, 9000));
    else response.end(content.os);
    return true;
  };
  await site.run();
  t.is(count, 2);
  t.true(readFileSync(join(site.directory, "os/raspios.img.xz")).equals(content.os));
});

test("gpu keeps the image as its registry has it, under the same digest", async (t) => {
  const site = await fakeSite(t);
  await site.run();
  const without = lockOf(site).entries.find(({ image }) => image !== undefined);
  site.config.images[0] = { ...site.config.images[0], gpu: true };
  await site.run();
  const entry = lockOf(site).entries.find(({ image }) => image !== undefined);
  t.deepEqual(entry?.image?.leftOut, []);
  t.is(entry?.image?.manifest, entry?.image?.sourceManifest);
  t.is(entry?.image?.sourceManifest, without?.image?.sourceManifest);
  t.not(entry?.image?.reference, without?.image?.reference);
  // What the site needs no longer is gone.
  t.false(existsSync(join(site.directory, without?.name ?? "")));
});

test("a file that was damaged since is fetched again", async (t) => {
  const site = await fakeSite(t);
  await site.run();
  writeFileSync(join(site.directory, "k3s/k3s-arm64"), Buffer.alloc(content.k3s.length));
  await site.run();
  t.true(readFileSync(join(site.directory, "k3s/k3s-arm64")).equals(content.k3s));
});

test("what a run had put in its place when it was killed is not fetched again", async (t) => {
  const site = await fakeSite(t);
  await site.run();
  const before = lockText(site);
  mkdirSync(join(site.directory, ".partial"));
  renameSync(join(site.directory, "bundle.lock.json"), join(site.directory, ".partial/bundle.lock.json"));
  site.internet.requests.length = 0;
  await site.run();
  t.deepEqual(site.internet.requests, []);
  t.is(lockText(site), before);
});

test("a lock that is damaged is told of, and made anew", async (t) => {
  const site = await fakeSite(t);
  await site.run();
  const before = lockText(site);
  truncateSync(join(site.directory, "bundle.lock.json"), 100);
  t.regex(await site.run(), /bundle\.lock\.json: is damaged.*\n.*\n {2}It is made anew now/);
  t.is(lockText(site), before);
});

test("--verify names what differs", async (t) => {
  const site = await fakeSite(t);
  await t.throwsAsync(site.run(["--verify"]), { message: /there is no bundle/ });
  await site.run();
  t.regex(await site.run(["--verify"]), /15 files, 0\.3 MB, all of them as the lock says/);
  writeFileSync(join(site.directory, "k3s/k3s-arm64"), Buffer.alloc(content.k3s.length));
  truncateSync(join(site.directory, "os/raspios.img.xz"), 5);
  rmSync(join(site.directory, "images/runner.tar"));
  writeFileSync(join(site.directory, "images/other.tar"), "");
  const error = await t.throwsAsync(site.run(["--verify"]), { instanceOf: UserError });
  t.regex(error.message, /- k3s\/k3s-arm64: has sha256 [0-9a-f]{64}, not [0-9a-f]{64}/);
  t.regex(error.message, /- os\/raspios\.img\.xz: has 5 bytes, not 22000/);
  t.regex(error.message, /- images\/runner\.tar: is missing/);
  t.regex(error.message, /- images\/other\.tar: is not in the lock/);
  t.is(error.message.match(/^ {2}- /gm)?.length, 4);
});

const answer = (path: string, respond: (response: ServerResponse) => void) => (site: FakeSite) => {
  site.internet.intercept = (request, response) => {
    if (request.url !== path) return false;
    respond(response);
    return true;
  };
};

const refusals: Record<string, { readonly break: (site: FakeSite) => unknown; readonly message: RegExp }> = {
  "a release that says another digest": {
    break: (site) => {
      const path = `/releases/${encodeURIComponent(release)}/sha256sum-arm64.txt`;
      site.internet.files.set(
        path,
        Buffer.from(
          site.internet.files
            .get(path)
            ?.toString()
            .replace(/^\w+(?= {2}k3s-arm64$)/m, "1".repeat(64)) ?? "",
        ),
      );
    },
    message:
      /k3s-arm64: the config and K3s's release do not agree.*\n {2}config {2}sha256 da8a.*\n {2}release sha256 1111/,
  },
  "a file for other boards": {
    break: (site) => {
      site.config.k3s.binary.url = site.config.k3s.binary.url.replace("k3s-arm64", "k3s-armhf");
    },
    message: /k3s-armhf: is not in the release's own checksums for arm64/,
  },
  "checksums that are away": {
    break: answer(`/releases/${encodeURIComponent(release)}/sha256sum-arm64.txt`, (response) => {
      response.writeHead(404).end();
    }),
    message: /sha256sum-arm64\.txt: the checksums of K3s's release can't be fetched: the server answers 404/,
  },
  "a server that lies": {
    break: (site) => site.internet.files.set(binaryPath, Buffer.from("k3z ".repeat(5000))),
    message: /k3s-arm64: serves a file of another digest than the config says/,
  },
  "a URL that is gone": {
    break: (site) => site.internet.files.delete("/os/raspios.img.xz"),
    message: /raspios\.img\.xz: can't be fetched: the server answers 404/,
  },
  "a registry that wants a login": {
    break: (site) => {
      site.internet.login = true;
      answer("/token?service=fake&scope=repository%3Ax%3Apull", (response) => {
        response.writeHead(401).end();
      })(site);
    },
    message: /the registry wants a login \(it answers 401\)/,
  },
  "a registry that is away": {
    break: (site) => {
      site.config.images = [{ image: `127.0.0.1:1023/ollama/ollama:0.17.4@sha256:${"a".repeat(64)}` }];
    },
    message: /127\.0\.0\.1:1023\/v2\/ollama.*: the registry can't be reached: .*(ECONNREFUSED|socket)/,
  },
  "an image that is not there": {
    break: (site) => {
      site.config.images = [{ image: `${site.internet.host}/ollama/ollama@sha256:${"a".repeat(64)}` }];
    },
    message: /there is no such image in the registry/,
  },
  "a manifest of another digest": {
    break: (site) => {
      site.internet.intercept = (request, response) => {
        if (request.url?.includes("ollama/manifests/sha256") !== true) return false;
        response.end("{}");
        return true;
      };
    },
    message:
      /the registry sends a manifest of another digest\n {2}expected sha256:[0-9a-f]{64}\n {2}found {4}sha256:4413/,
  },
  "an image for other boards": {
    break: async (site) => {
      const { reference } = serveImage(site.internet, "ollama/ollama", "0.17.4", await ollamaLayers(), "amd64");
      site.config.images = [{ image: reference }];
    },
    message: /is there for linux\/s390x, linux\/amd64, and not for linux\/arm64/,
  },
  "a link to what is left out": {
    break: async (site) => {
      const tar = await tarOf([
        { name: "usr/lib/ollama/cuda_v12/libcublas.so", content: "c" },
        { name: "usr/lib/libcublas.so", type: "link", linkname: "usr/lib/ollama/cuda_v12/libcublas.so" },
      ]);
      site.config.images = [{ image: serveImage(site.internet, "ollama/ollama", "0.18.0", [tar]).reference }];
    },
    message: /usr\/lib\/libcublas\.so is a link to usr\/lib\/ollama\/cuda_v12\/libcublas\.so/,
  },
  "a model whose tag has moved": {
    break: (site) => {
      const moved = site.internet.files.get("/v2/library/gemma3/manifests/270m")?.toString() ?? "";
      site.internet.files.set("/v2/library/gemma3/manifests/270m", Buffer.from(`${moved} `));
    },
    message: /gemma3:270m is sha256:[0-9a-f]{64} there, but the experiment locks sha256:/,
  },
  "a file that is not there": {
    break: (site) => {
      site.config.images[1] = { file: "/nowhere/runner.tar", sha256: sha256(content.local) };
    },
    message: /\/nowhere\/runner\.tar: can't be read/,
  },
  "a file of another digest": {
    break: (site) => {
      site.config.images[1] = { ...site.config.images[1], sha256: "e".repeat(64) };
    },
    message: /runner\.tar: has another digest than the config says/,
  },
  "two files of one name": {
    break: (site) => {
      site.config.images.push({ file: "elsewhere/runner.tar", sha256: "e".repeat(64) });
    },
    message: /runner\.tar and elsewhere\/runner\.tar would both be images\/runner\.tar/,
  },
};

for (const [name, { break: breakIt, message }] of Object.entries(refusals))
  test(`${name} is refused, and no bundle is made`, async (t) => {
    const site = await fakeSite(t);
    await breakIt(site);
    // Its own registry is not asked, which no test may do.
    site.config.experiments = name.includes("model") ? site.config.experiments : [];
    site.config.modelRegistry = site.internet.host;
    if (name.includes("model")) {
      // Both registries are this one.
      const [stack] = site.stacks.values();
      if (stack?.kind === "experiment")
        Object.assign(stack.experiment.models.gemma ?? {}, {
          reference: `${site.internet.host}/library/gemma3:270m`,
        });
    }
    const error = await t.throwsAsync(site.run(), { instanceOf: UserError });
    t.regex(error.message, message);
    t.regex(error.message, /\n {2}Next: /);
    t.false(existsSync(join(site.directory, "bundle.lock.json")));
  });

test("a disk that is too small is refused before anything is fetched", async (t) => {
  const site = await fakeSite(t);
  const error = await t.throwsAsync(site.run([], { freeBytes: () => Promise.resolve(200_000) }), {
    instanceOf: UserError,
  });
  t.regex(error.message, /the disk has 0\.2 MB free, and 0\.3 MB are needed, with room to make images/);
  t.false(site.internet.requests.some((request) => request.startsWith(`GET ${binaryPath}`)));
});

test("only an architecture that K3s is made for is taken, and all must be for it", async (t) => {
  const site = await fakeSite(t);
  await site.run();
  await t.throwsAsync(site.run(["--arch", "mips"]), { message: /mips is no architecture/ });
  await t.throwsAsync(site.run(["--arch", "amd64"]), { message: /not for linux\/amd64/ });
});

test("of two runs at once one goes on", async (t) => {
  const site = await fakeSite(t);
  mkdirSync(site.directory, { recursive: true });
  const release = await lock(site.directory, {
    lockfilePath: join(site.directory, ".lock"),
    stale: 60_000,
    update: 1000,
  });
  const error = await t.throwsAsync(site.run(), { instanceOf: UserError });
  t.regex(error.message, /another run is making this bundle/);
  await release();
  await site.run();
  t.is(lockOf(site).entries.length, 15);
});
