/**
 * Ollama's directories of libraries for graphics cards, below lib/ollama: cuda_v12, cuda_jetpack6, rocm, vulkan, mlx_cuda_v13
 * (ollama/ollama, Dockerfile: COPY --from=cuda-12 ... /lib/ollama/cuda_v12). What a processor needs lies beside them.
 */
const library = /^((?:usr\/(?:local\/)?)?lib\/ollama\/(?:cuda_|rocm|mlx_cuda|vulkan)[^/]*)(\/|$)/;

/** The directory of libraries for graphics cards that a path of an image's layer is or lies in, if it does. */
export function gpuLibraryOf(path: string): string | undefined {
  return library.exec(path.replace(/^(\.?\/)+/, ""))?.[1];
}
