import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { root } from "../../stacks/root.ts";
import { librariesIn, writeImage } from "../../twin/images.ts";
import { machineFlags, ollamaVersion } from "../../twin/ollama.ts";
import type { TarEntry } from "../../twin/tar.ts";

const layer: TarEntry[] = [{ path: "hello", kind: "file", mode: 0o755, content: Buffer.from("hello\n") }];

test("an image's parts name each other by their digests, and equal layers make equal archives", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "image-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  const file = join(directory, "a.tar");
  const { reference, sha256 } = await writeImage(file, "docker.io/bramble/hello:1", layer);
  const sha256Of = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
  t.is(sha256, sha256Of(readFileSync(file)));
  t.false(existsSync(`${file}.layer`));

  const part = (path: string) => execFileSync("tar", ["-xOf", file, path]);
  const [manifest] = JSON.parse(part("manifest.json").toString()) as {
    Config: string;
    RepoTags: string[];
    Layers: string[];
  }[];
  t.deepEqual(manifest?.RepoTags, [reference]);
  const config = part(manifest?.Config ?? "");
  t.is(manifest?.Config, `${sha256Of(config)}.json`);
  t.regex(reference, new RegExp(`^docker\\.io/bramble/hello:1-${sha256Of(config).slice(0, 12)}$`));
  const { rootfs } = JSON.parse(config.toString()) as { rootfs: { diff_ids: string[] } };
  t.deepEqual(rootfs.diff_ids, [`sha256:${sha256Of(part(manifest?.Layers[0] ?? ""))}`]);

  const again = await writeImage(join(directory, "b.tar"), "docker.io/bramble/hello:1", layer);
  t.deepEqual(again, { reference, sha256 });
});

test("ldd's output is read: libraries, the loader, not the kernel's own", (t) => {
  const output = [
    "\tlinux-vdso.so.1 (0x00007f6e5ddae000)",
    "\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f6e5d81e000)",
    "\t/lib64/ld-linux-x86-64.so.2 (0x00007f6e5ddb0000)",
  ].join("\n");
  t.deepEqual(librariesIn(output), ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"]);
});

test("the compiler's flags are those of the processor", (t) => {
  t.deepEqual(machineFlags("x64", "processor : 0\nflags\t\t: fpu avx2 bmi2 fma f16c avx512f\n"), [
    "-mavx2",
    "-mfma",
    "-mf16c",
    "-mbmi2",
  ]);
  t.deepEqual(machineFlags("x64", "flags\t\t: fpu sse2\n"), []);
  t.deepEqual(machineFlags("arm64", ""), ["-march=armv8.2-a+dotprod+fp16"]);
});

test("the version that the build is told is the one that go.mod pins", (t) => {
  const pins = readFileSync(join(root, "twin/ollama/go.mod"), "utf8");
  t.regex(pins, new RegExp(`github\\.com/ollama/ollama v${ollamaVersion.replaceAll(".", "\\.")}\\b`));
});
