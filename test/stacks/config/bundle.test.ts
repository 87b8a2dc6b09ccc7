import test from "ava";
import fc from "fast-check";
import { located } from "../../../stacks/config/artefact.ts";
import { takeBaseImage, takeFromBundle } from "../../../stacks/config/bundle.ts";
import { parseLock, renderLock, type BundleEntry, type BundleLock } from "../../../stacks/config/bundle-lock.ts";
import { siteSchema, type Site } from "../../../stacks/config/site.ts";
import { UserError } from "../../../stacks/user-error.ts";

const image = `docker.io/ollama/ollama:0.17.4@sha256:${"c".repeat(64)}`;

function site(change: Record<string, unknown> = {}): Site {
  return siteSchema.parse({
    name: "barn",
    image: { url: "https://example.org/os.img.xz", sha256: "a".repeat(64) },
    network: { prefix: 24, gateway: "192.168.7.1" },
    nodes: { "pi-1": { role: "server", address: "192.168.7.11" } },
    k3s: {
      version: "v1.34.2+k3s1",
      binary: { url: "https://example.org/k3s-arm64", sha256: "b".repeat(64) },
      images: [{ file: "downloads/airgap.tar.zst", sha256: "d".repeat(64) }],
    },
    images: [{ image, nodes: ["pi-1"] }],
    ...change,
  });
}

function entry(kind: BundleEntry["kind"], name: string, source: string, sha256: string, gpu?: boolean): BundleEntry {
  const made = `sha256:${"e".repeat(64)}`;
  const made2 = { reference: "docker.io/ollama/ollama:0.17.4-eeeeeeeeeeee", sourceManifest: made, manifest: made };
  return {
    ...{ kind, name, source, sha256, bytes: 9 },
    ...(gpu === undefined ? {} : { image: { ...made2, gpu, leftOut: [] } }),
  };
}

const lock: BundleLock = {
  schema: 1,
  site: "barn",
  architecture: "arm64",
  entries: [
    entry("base-image", "os/os.img.xz", "https://example.org/os.img.xz", "a".repeat(64)),
    entry("k3s-binary", "k3s/k3s-arm64", "https://example.org/k3s-arm64", "b".repeat(64)),
    entry("k3s-images", "k3s/airgap.tar.zst", "downloads/airgap.tar.zst", "d".repeat(64)),
    entry("workload-image", "images/ollama-gpu.tar", image, "1".repeat(64), true),
    entry("workload-image", "images/ollama.tar", image, "f".repeat(64), false),
  ],
};

test("what is known by URL or image is taken from the bundle, what is a file stays that file", (t) => {
  const { site: taken, used } = takeFromBundle(site(), lock);
  t.deepEqual(located(taken.k3s.binary), { file: "bundles/barn/k3s/k3s-arm64", sha256: "b".repeat(64) });
  t.deepEqual(taken.k3s.images.map(located), [{ file: "downloads/airgap.tar.zst", sha256: "d".repeat(64) }]);
  t.deepEqual(taken.images.map(located), [{ file: "bundles/barn/images/ollama.tar", sha256: "f".repeat(64) }]);
  t.deepEqual(taken.images[0]?.nodes, ["pi-1"]);
  t.is(taken.image.file, "bundles/barn/os/os.img.xz");
  t.is(taken.image.url, undefined);
  t.deepEqual(
    used.map(({ name }) => name),
    ["os/os.img.xz", "k3s/k3s-arm64", "images/ollama.tar"],
  );
});

test("a site that is offline takes everything from the bundle", (t) => {
  const { site: taken, used } = takeFromBundle(site({ offline: true }), lock);
  t.deepEqual(taken.k3s.images.map(located), [{ file: "bundles/barn/k3s/airgap.tar.zst", sha256: "d".repeat(64) }]);
  t.is(used.length, 4);
  t.is(takeBaseImage(site({ offline: true }), lock).image.file, "bundles/barn/os/os.img.xz");
});

test("everything that the bundle of an offline site lacks is named at once", (t) => {
  const change = {
    offline: true,
    image: { url: "https://example.org/os.img.xz", sha256: "2".repeat(64) },
    images: [
      { image, gpu: true },
      { image: image.replace("0.17.4", "0.18.0") },
      { file: "my.tar", sha256: "3".repeat(64) },
    ],
  };
  const error = t.throws(() => takeFromBundle(site(change), lock), { instanceOf: UserError });
  t.is(
    error.message,
    `site barn: is offline, and its bundle does not hold all; missing are
  - image: https://example.org/os.img.xz, sha256 ${"2".repeat(64)}
  - images.1: ${image.replace("0.17.4", "0.18.0")}
  - images.2: my.tar, sha256 ${"3".repeat(64)}
  Next: on a machine with internet: npm run bundle -- <site>; then bring bundles/barn here`,
  );
  t.throws(() => takeFromBundle(site({ offline: true }), undefined), {
    message: /is offline, and has no bundle; missing/,
  });
  t.throws(() => takeBaseImage(site({ offline: true }), undefined), { message: /- image: https/ });
});

test("a site with internet needs a bundle for what is no file, but not for the base image", (t) => {
  const error = t.throws(() => takeFromBundle(site(), undefined), { instanceOf: UserError });
  t.regex(
    error.message,
    /- k3s\.binary: https:.*\n {2}- images\.0: docker\.io.*\n {2}Next: fetch all that the site needs: npm run bundle/,
  );
  t.is(takeBaseImage(site(), undefined).image.url, "https://example.org/os.img.xz");
});

test("a model's blob is no artefact, whatever its digest", (t) => {
  const model: BundleEntry = { ...entry("model", "models/x/data", "m", "b".repeat(64)) };
  t.throws(() => takeFromBundle(site(), { ...lock, entries: [model] }), { message: /k3s\.binary/ });
});

test("a lock's text does not depend on the order, and is read back as it was", (t) => {
  fc.assert(
    fc.property(fc.shuffledSubarray(lock.entries), (entries) => {
      const text = renderLock({ ...lock, entries });
      t.is(text, renderLock({ ...lock, entries: entries.toReversed() }));
      t.deepEqual(parseLock(text, "lock").entries.toSorted(byName), entries.toSorted(byName));
    }),
  );
});

function byName(one: BundleEntry, other: BundleEntry): number {
  return one.name < other.name ? -1 : 1;
}

for (const [what, text] of Object.entries({
  "no JSON": "{",
  "another schema": renderLock(lock).replace('"schema": 1', '"schema": 2'),
  "a name that leads elsewhere": renderLock(lock).replace("k3s/k3s-arm64", "../k3s-arm64"),
  "a name that leads elsewhere from within": renderLock(lock).replace("k3s/k3s-arm64", "k3s/../../k3s-arm64"),
  "an absolute name": renderLock(lock).replace("k3s/k3s-arm64", "/etc/passwd"),
}))
  test(`a lock with ${what} is refused`, (t) => {
    t.throws(() => parseLock(text, "bundles/barn/bundle.lock.json"), {
      instanceOf: UserError,
      message: /^bundles\/barn/,
    });
  });
