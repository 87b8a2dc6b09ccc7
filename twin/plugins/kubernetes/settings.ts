import { existsSync, readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
// The package's index loads every typed client there is, which takes half a second; of it all, this is what is used.
import { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import type { PropertyMap, PropertyValue } from "../property-values.ts";
import { isUnknown, revealMap } from "../property-values.ts";
import type { Mutability } from "./replacement-rules.ts";

/** What a Kubernetes Provider resource says. */
export interface Settings {
  /** Undefined with the reason, where there is no cluster to speak to. */
  kubeconfig: KubeConfig | undefined;
  noKubeconfigReason: string;
  /** Where objects lie whose namespace is not said; empty when not even the kubeconfig says so. */
  defaultNamespace: string;
  mutable: Mutability;
  /** Takes fields over from other field managers. */
  patchForce: boolean;
  /** Creating what exists already adopts it; otherwise it fails. */
  upsert: boolean;
  /** Resources of a cluster that does not answer count as gone. */
  deleteUnreachable: boolean;
}

export interface SettingFailure {
  property: string;
  reason: string;
}

type Use = "used" | "without effect here" | { refusedUnless: string };
const notOffered = { refusedUnless: "" };

const properties: Record<string, Use> = {
  kubeconfig: "used",
  context: "used",
  namespace: "used",
  clusterIdentifier: "used",
  enableConfigMapMutable: "used",
  enableSecretMutable: "used",
  enablePatchForce: "used",
  upsertExistingObjects: "used",
  deleteUnreachable: "used",
  suppressDeprecationWarnings: "without effect here",
  suppressHelmHookWarnings: "without effect here",
  version: "without effect here",
  enableServerSideApply: { refusedUnless: "true" },
  skipUpdateUnreachable: { refusedUnless: "false" },
  alwaysRender: { refusedUnless: "false" },
  strictMode: { refusedUnless: "false" },
  cluster: notOffered,
  helmReleaseSettings: notOffered,
  kubeClientSettings: notOffered,
  renderYamlToDirectory: notOffered,
};

/** The settings that the offline provider does not take, all at once. */
export function findSettingFailures(news: PropertyMap): SettingFailure[] {
  return Object.entries(revealMap(news)).flatMap(([property, value]) => {
    const use: Use = Object.hasOwn(properties, property) ? (properties[property] ?? notOffered) : notOffered;
    if (typeof use === "string" || isUnknown(value) || value === use.refusedUnless) return [];
    return [
      { property, reason: `${property} = ${JSON.stringify(value)} is not offered by the offline Kubernetes provider` },
    ];
  });
}

/** @param variables what the engine sends to Configure: names like `kubernetes:config:namespace`, values as text */
export function readSettings(variables: Map<string, string>): Settings {
  const text = (name: string) => variables.get(`kubernetes:config:${name}`) ?? "";
  const flag = (name: string) => text(name) === "true";
  const { kubeconfig, reason } = loadKubeconfig(text("kubeconfig"), text("context"));
  const context = kubeconfig?.getContextObject(kubeconfig.getCurrentContext());
  return {
    kubeconfig,
    noKubeconfigReason: reason,
    defaultNamespace: text("namespace") || (kubeconfig === undefined ? "" : (context?.namespace ?? "default")),
    mutable: { configMaps: flag("enableConfigMapMutable"), secrets: flag("enableSecretMutable") },
    patchForce: flag("enablePatchForce"),
    upsert: flag("upsertExistingObjects"),
    deleteUnreachable: flag("deleteUnreachable"),
  };
}

export interface SettingChanges {
  changed: string[];
  replacing: string[];
}

/**
 * What a change of the Provider means for the resources in its cluster. With a clusterIdentifier that stays, nothing is
 * replaced; one that changes replaces all; without one, another server or CA in the kubeconfig counts as another cluster.
 */
export function findSettingChanges(oldState: PropertyMap, newState: PropertyMap): SettingChanges {
  const [olds, news] = [revealMap(oldState), revealMap(newState)];
  const changed = [...new Set([...Object.keys(olds), ...Object.keys(news)])].filter(
    (name) => !isDeepStrictEqual(olds[name], news[name]),
  );
  const had = olds.clusterIdentifier !== undefined;
  const has = news.clusterIdentifier !== undefined;
  const identifierChanged = changed.includes("clusterIdentifier");
  if (has && !identifierChanged) return { changed, replacing: [] };
  const selectors = ["kubeconfig", "context"].filter((name) => changed.includes(name));
  const replacing = [
    ...(had && has && identifierChanged ? ["clusterIdentifier"] : []),
    ...(selectors.some((name) => isUnknown(news[name])) || !isSameCluster(olds, news) ? selectors : []),
  ];
  return { changed, replacing };
}

function isSameCluster(olds: PropertyMap, news: PropertyMap): boolean {
  const [before, after] = [activeCluster(olds), activeCluster(news)];
  // Where one of them cannot be told, nothing is replaced: the real provider's choice too.
  return before === undefined || after === undefined || isDeepStrictEqual(before, after);
}

function activeCluster({ kubeconfig, context }: PropertyMap): unknown {
  if (isUnknown(kubeconfig) || isUnknown(context)) return undefined;
  return loadKubeconfig(textOf(kubeconfig), textOf(context)).kubeconfig?.getCurrentCluster() ?? undefined;
}

function textOf(value: PropertyValue | undefined): string {
  return typeof value === "string" ? value : "";
}

function loadKubeconfig(pathOrText: string, context: string): { kubeconfig?: KubeConfig; reason: string } {
  if (pathOrText === "") return { reason: "the Provider has no kubeconfig" };
  try {
    const kubeconfig = new KubeConfig();
    kubeconfig.loadFromString(existsSync(pathOrText) ? readFileSync(pathOrText, "utf8") : pathOrText);
    if (context !== "") kubeconfig.setCurrentContext(context);
    if (kubeconfig.getCurrentCluster() === null) return { reason: "the kubeconfig's current context names no cluster" };
    return { kubeconfig, reason: "" };
  } catch {
    // The parser quotes the text it stumbles over, which may hold a key.
    return { reason: "the kubeconfig cannot be parsed" };
  }
}
