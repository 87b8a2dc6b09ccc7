import test from "ava";
import { gpuLibraryOf } from "../../../../scripts/lib/bundle/gpu-libraries.ts";

for (const path of [
  "usr/lib/ollama/cuda_v12",
  "usr/lib/ollama/cuda_v13/",
  "./usr/lib/ollama/cuda_jetpack5/libcublas.so.11",
  "/usr/lib/ollama/rocm/rocblas/library/x",
  "usr/lib/ollama/rocm_v6/libggml-hip.so",
  "usr/lib/ollama/mlx_cuda_v13/libmlx.so",
  "usr/lib/ollama/vulkan/libggml-vulkan.so",
  "usr/local/lib/ollama/cuda_v12/libcublas.so",
  "lib/ollama/cuda_v11/libcublas.so",
])
  test(`${path} is for graphics cards`, (t) => {
    t.regex(gpuLibraryOf(path) ?? "", /^(usr\/(local\/)?)?lib\/ollama\/[a-z0-9_]+$/);
    t.true(path.includes(gpuLibraryOf(path) ?? "-"));
  });

for (const path of [
  "usr/lib/ollama",
  "usr/lib/ollama/",
  "usr/lib/ollama/libggml-cpu-armv8.2_1.so",
  "usr/lib/ollama/libggml-base.so",
  "usr/lib/cuda_v12/libcublas.so",
  "opt/usr/lib/ollama/cuda_v12",
  "usr/lib/ollama/llama-server",
  "usr/bin/ollama",
  "",
])
  test(`${path} stays`, (t) => {
    t.is(gpuLibraryOf(path), undefined);
  });
