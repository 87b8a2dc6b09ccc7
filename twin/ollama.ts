import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { $ } from "zx";
import { UserError } from "../stacks/user-error.ts";
import { cached } from "./cache.ts";
import type { Progress } from "./progress.ts";

/** What twin/ollama/go.mod pins; a test holds the two together. */
export const ollamaVersion = "0.17.4";

const source = join(import.meta.dirname, "ollama");

/**
 * Two of the three headers that llama.cpp keeps in a directory named vendor, which the Go module proxy leaves out of every
 * module; the third comes with a Go module (twin/ollama/headers).
 */
const debianHeaders = ["/usr/include/nlohmann/json.hpp", "/usr/include/stb/stb_image.h"];

/**
 * The directory with `ollama` and `flock`, both static, for this machine's processor: from the cache or built now (2 to
 * 5 minutes, from Go modules). Needs Go, g++ and Debian's nlohmann-json3-dev and libstb-dev.
 */
export async function buildOllama(progress: Progress): Promise<string> {
  for (const path of debianHeaders)
    if (!existsSync(path))
      throw new UserError({
        what: "a C++ header that Ollama is built with is not installed",
        where: path,
        next: "apt-get install nlohmann-json3-dev libstb-dev",
      });
  const machine = machineFlags(process.arch, process.arch === "x64" ? await readFile("/proc/cpuinfo", "utf8") : "");
  const recipe = ["go.mod", "go.sum", "flock/main.go", "headers/miniaudio/miniaudio.h"].map((name) =>
    readFile(join(source, name), "utf8"),
  );
  const compilers = [$({ quiet: true, cwd: source })`go version`, $({ quiet: true })`g++ --version`];
  const keyParts = [
    await readFile(import.meta.filename, "utf8"),
    ...(await Promise.all(recipe)),
    ...(await Promise.all(compilers)).map(({ stdout }) => stdout),
    ...machine,
  ];
  return await cached(
    "ollama",
    keyParts,
    (workplace) => build(workplace, machine, progress),
    () => {
      progress("another run builds Ollama, waiting for it");
    },
  );
}

/**
 * The compiler's flags for the instructions that ggml's kernels gain from. A Go build sets none by itself: without them
 * a small model makes 13 tokens/s where it makes 60 with them.
 * @param cpuinfo the text of /proc/cpuinfo
 */
export function machineFlags(architecture: string, cpuinfo: string): string[] {
  // Raspberry Pi 5 (Cortex-A76), and every newer 64-bit Arm core.
  if (architecture === "arm64") return ["-march=armv8.2-a+dotprod+fp16"];
  const present = new Set(/^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.trim().split(/\s+/));
  return ["avx2", "fma", "f16c", "bmi2"].filter((feature) => present.has(feature)).map((feature) => `-m${feature}`);
}

async function build(workplace: string, machine: readonly string[], progress: Progress): Promise<void> {
  const environment = { ...process.env, GOTOOLCHAIN: "local", GOFLAGS: "-mod=readonly" };
  const go = $({ quiet: true, cwd: source, env: environment });
  progress(`Ollama ${ollamaVersion}: downloading its Go modules`);
  await go`go mod download`;
  const miniaudio = (await go`go list -m -f ${"{{.Dir}}"} github.com/gen2brain/malgo`).stdout.trim();
  const headers = join(source, "headers");

  progress(`Ollama ${ollamaVersion}: building for ${machine.join(" ") || "any processor"} (2 to 5 minutes)`);
  const optimised = ["-O2", ...machine].join(" ");
  const native = $({
    quiet: true,
    cwd: source,
    env: {
      ...environment,
      CGO_ENABLED: "1",
      // The maps make the same bytes of them wherever these directories lie.
      CGO_CPPFLAGS: [headers, miniaudio].map((path) => `-I${path} -ffile-prefix-map=${path}=.`).join(" "),
      CGO_CFLAGS: optimised,
      CGO_CXXFLAGS: optimised,
    },
  });
  const version = `-X github.com/ollama/ollama/version.Version=${ollamaVersion}`;
  const linker = `-s -w -linkmode external -extldflags -static ${version}`;
  // netgo, osusergo: glibc's own resolver and user database do not work in a static program.
  await native`go build -trimpath -tags netgo,osusergo -ldflags ${linker} -o ${join(workplace, "ollama")} github.com/ollama/ollama`;
  const pure = $({ quiet: true, cwd: source, env: { ...environment, CGO_ENABLED: "0" } });
  await pure`go build -trimpath -ldflags ${"-s -w"} -o ${join(workplace, "flock")} ./flock`;
}
