import { createHash } from "node:crypto";
import type { BaseModel } from "../../../workloads/ollama/derived-model.ts";

const blob = (hex: string) => `sha256:${hex}`;
const weights = blob("a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818");
const template = blob("964600c3ddecfd2fb8c9a4ec038ee10f7362742d50c983f5d532fae89a7334d3");
const params = blob("56380ca2ab89f1f68c283f4d50863c0bcab52ae3f1b9a88e4ab5617b176f71a3");
const layer = (kind: string, digest: string, size: number) => ({
  mediaType: `application/vnd.ollama.image.${kind}`,
  digest,
  size,
});

const layers = [
  { ...layer("model", weights, 253113024), from: `/mnt/blobs/${weights.replace(":", "-")}` },
  layer("template", template, 71),
  layer("params", params, 42),
];
const config = `{"model_format":"gguf","model_family":"gemma3","model_families":["gemma3"],"model_type":"268.10M","file_type":"Q4_K_M","architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["${weights}","${template}","${params}"]}}\n`;

/** The twin's model, as Ollama 0.17.4 made it and its registry has it. */
export const baseModel: BaseModel = {
  reference: "gemma3:270m",
  digest: blob("e99e279f382ee148e1b9ae57085ae4cfa089c05c765f5baabf42706a4ec50c6e"),
  ...parts(layers, config),
  params: '{"temperature":1,"top_k":64,"top_p":0.95}\n',
};

/** The same model without its layers of a media type, with other values, and the digests that follow from both. */
export function without(mediaType: string, change: Partial<BaseModel>): BaseModel {
  const kept = layers.filter((each) => each.mediaType !== mediaType);
  const changed = { ...baseModel, ...parts(kept, change.config ?? config), ...change };
  const hasParams = kept.some((each) => each.mediaType.endsWith("params"));
  return { ...changed, digest: sha256(changed.manifest), params: hasParams ? changed.params : null };
}

function parts(kept: readonly object[], text: string): Pick<BaseModel, "manifest" | "config"> {
  const manifest = {
    schemaVersion: 2,
    mediaType: "application/vnd.docker.distribution.manifest.v2+json",
    config: {
      mediaType: "application/vnd.docker.container.image.v1+json",
      digest: sha256(text),
      size: Buffer.byteLength(text),
    },
    layers: kept,
  };
  return { manifest: JSON.stringify(manifest), config: text };
}

function sha256(text: string): string {
  return blob(createHash("sha256").update(text).digest("hex"));
}
