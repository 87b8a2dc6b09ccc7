import test from "ava";
import {
  archiveName,
  parseImageName,
  parsePinnedImage,
  podReference,
  registryUrl,
} from "../../../../scripts/lib/bundle/image-name.ts";
import { imageReference } from "../../../../stacks/config/fields.ts";

const digest = `sha256:${"a".repeat(64)}`;

for (const [reference, registry, repository, tag] of [
  ["node", "docker.io", "library/node", undefined],
  ["node:24", "docker.io", "library/node", "24"],
  ["ollama/ollama:0.17.4", "docker.io", "ollama/ollama", "0.17.4"],
  ["docker.io/ollama/ollama", "docker.io", "ollama/ollama", undefined],
  ["docker.io/node", "docker.io", "library/node", undefined],
  ["ghcr.io/kube-vip/kube-vip:v1.0.2", "ghcr.io", "kube-vip/kube-vip", "v1.0.2"],
  ["localhost/a", "localhost", "a", undefined],
  ["127.0.0.1:5000/a/b/c:d", "127.0.0.1:5000", "a/b/c", "d"],
  ["host:5000/a", "host:5000", "a", undefined],
] as const)
  test(`${reference} is understood as containerd does, with and without a digest`, (t) => {
    t.deepEqual(parseImageName(reference), { registry, repository, tag, digest: undefined });
    t.deepEqual(parsePinnedImage(`${reference}@${digest}`), { registry, repository, tag, digest });
  });

test("pods get a name with a tag that follows the content, which the configuration takes", (t) => {
  const name = parsePinnedImage(`ollama/ollama:0.17.4@${digest}`);
  t.is(podReference(name, `sha256:${"b".repeat(64)}`), "docker.io/ollama/ollama:0.17.4-bbbbbbbbbbbb");
  t.is(podReference(parsePinnedImage(`node@${digest}`), digest), "docker.io/library/node:aaaaaaaaaaaa");
  const long = podReference({ ...name, tag: "t".repeat(128) }, digest);
  t.true((long.split(":").at(-1) ?? "").length <= 128);
  t.notThrows(() => imageReference.parse(long));
});

test("archives have names of their own for each image, architecture and choice", (t) => {
  const name = parsePinnedImage(`ollama/ollama:0.17.4@${digest}`);
  t.is(archiveName(name, "arm64", false), "ollama-0.17.4-aaaaaaaaaaaa-arm64.tar");
  t.is(archiveName({ ...name, tag: undefined }, "amd64", true), "ollama-aaaaaaaaaaaa-amd64-gpu.tar");
});

test("only a registry on this machine is asked in plain HTTP", (t) => {
  t.is(registryUrl("docker.io"), "https://registry-1.docker.io");
  t.is(registryUrl("ghcr.io"), "https://ghcr.io");
  t.is(registryUrl("192.168.7.2:5000"), "https://192.168.7.2:5000");
  t.is(registryUrl("127.0.0.1:5000"), "http://127.0.0.1:5000");
  t.is(registryUrl("localhost"), "http://localhost");
  t.is(registryUrl("127.0.0.1.example.org"), "https://127.0.0.1.example.org");
});
