import type { ServerSettings } from "../benchmark/plan.ts";

/** The environment of an Ollama server (Ollama's envconfig/config.go). */
export function serverEnvironment(settings: ServerSettings): { name: string; value: string }[] {
  return [
    { name: "OLLAMA_KEEP_ALIVE", value: settings.keepAlive },
    { name: "OLLAMA_NUM_PARALLEL", value: String(settings.parallel) },
    { name: "OLLAMA_MAX_LOADED_MODELS", value: String(settings.maxLoaded) },
    { name: "OLLAMA_KV_CACHE_TYPE", value: settings.kvCache },
    { name: "OLLAMA_FLASH_ATTENTION", value: settings.flashAttention ? "1" : "0" },
    { name: "LLAMA_ARG_CACHE_RAM", value: String(settings.promptCache) },
  ];
}
