import { createHash } from "node:crypto";
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { useBundle, useBundledImage } from "../../../stacks/config/bundle-check.ts";
import { renderLock, type BundleEntry } from "../../../stacks/config/bundle-lock.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { exampleSite } from "../keys/example.ts";

const cache = mkdtempSync(join(tmpdir(), "bramble-check-cache-"));
test.before(() => {
  process.env.XDG_CACHE_HOME = cache;
});
test.after.always(() => {
  rmSync(cache, { recursive: true });
});

const contents = { "os/os.img": "image", "k3s/k3s": "binary" };

/** A site that is offline, with its bundle. */
function bundled(t: ExecutionContext, name = "barn") {
  const bundles = mkdtempSync(join(tmpdir(), "bramble-check-"));
  t.teardown(() => {
    rmSync(bundles, { recursive: true });
  });
  const entries = Object.entries(contents).map(([path, content]): BundleEntry => {
    const file = join(bundles, "barn", path);
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, content);
    // Long enough ago for a change to show.
    utimesSync(file, 1_700_000_000, 1_700_000_000);
    const sha256 = createHash("sha256").update(content).digest("hex");
    return {
      kind: path.startsWith("os") ? "base-image" : "k3s-binary",
      name: path,
      source: path,
      bytes: content.length,
      sha256,
    };
  });
  writeFileSync(
    join(bundles, "barn/bundle.lock.json"),
    renderLock({ schema: 1, site: name, architecture: "arm64", entries }),
  );
  const site = exampleSite();
  site.offline = true;
  site.image.sha256 = entries[0]?.sha256 ?? "";
  site.k3s.binary.sha256 = entries[1]?.sha256 ?? "";
  return { bundles, site, path: (path: string) => join(bundles, "barn", path) };
}

test("a site that is offline is brought up from its bundle", async (t) => {
  const { bundles, site } = bundled(t);
  const { image, k3s } = await useBundle(site, bundles);
  t.is(image.file, "bundles/barn/os/os.img");
  t.is(k3s.binary.file, "bundles/barn/k3s/k3s");
  t.is((await useBundledImage(site, bundles)).file, "bundles/barn/os/os.img");
});

test("all that differs from the lock is refused by name", async (t) => {
  const { bundles, site, path } = bundled(t);
  writeFileSync(path("os/os.img"), "imagf");
  appendFileSync(path("k3s/k3s"), "!");
  const error = await t.throwsAsync(useBundle(site, bundles), { instanceOf: UserError });
  t.regex(
    error.message,
    /barn: differs from its lock\n {2}- os\/os\.img: has sha256 [0-9a-f]{64}, not [0-9a-f]{64}\n {2}- k3s\/k3s: has 7 bytes, not 6\n/,
  );
  rmSync(path("k3s/k3s"));
  await t.throwsAsync(useBundle(site, bundles), { message: /- k3s\/k3s: is missing/ });
  // Cards need the base image alone.
  await t.throwsAsync(useBundledImage(site, bundles), {
    message: /differs from its lock\n {2}- os\/os\.img: [^\n]*\n {2}Next/,
  });
});

test("a file that was read is not read again until it changes", async (t) => {
  const { bundles, site, path } = bundled(t);
  // The time of its last change is the system's to tell, and counts only when it is past.
  await new Promise((resolve) => setTimeout(resolve, 2100));
  await useBundle(site, bundles);
  const records = readdirSync(join(cache, "bramble/bundles"));
  t.true(records.length >= 2);
  writeFileSync(path("k3s/k3s"), "binarx");
  utimesSync(path("k3s/k3s"), 1_700_000_000, 1_700_000_000);
  await t.throwsAsync(useBundle(site, bundles), { message: /- k3s\/k3s: has sha256/ });
});

test("another site's bundle is refused", async (t) => {
  const { bundles, site } = bundled(t, "orchard");
  await t.throwsAsync(useBundle(site, bundles), {
    instanceOf: UserError,
    message: /is the bundle of site orchard, not of barn/,
  });
});

test("a site without a bundle that needs none stays as it is", async (t) => {
  const site = exampleSite();
  t.deepEqual(await useBundle(site, join(tmpdir(), "no-bundles-here")), site);
});
