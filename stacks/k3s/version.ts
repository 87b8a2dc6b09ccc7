/** A K3s release, such as v1.34.2+k3s1: Kubernetes 1.34.2, first release of K3s with it. */
export interface K3sVersion {
  readonly minor: number;
  /** To compare releases by, the weightiest first. */
  readonly parts: readonly number[];
}

/** @returns undefined for a text that is no K3s release, such as a development build's */
export function parseVersion(text: string): K3sVersion | undefined {
  const [, ...found] = /^v(\d+)\.(\d+)\.(\d+)\+k3s(\d+)$/.exec(text) ?? [];
  if (found.length === 0) return undefined;
  const parts = found.map(Number);
  return { minor: parts[1] ?? 0, parts };
}

/** Below zero where `one` is the older release, above where it is the newer one. */
export function compareVersions(one: K3sVersion, other: K3sVersion): number {
  const differing = one.parts.findIndex((part, index) => part !== other.parts[index]);
  return differing === -1 ? 0 : (one.parts[differing] ?? 0) - (other.parts[differing] ?? 0);
}
