/** What every container here may do: nothing but its work. */
export const restricted = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
  seccompProfile: { type: "RuntimeDefault" },
};

/** For what needs no rights at all. */
export const asNobody = { ...restricted, runAsUser: 65534, runAsGroup: 65534, runAsNonRoot: true };

/** Root without any capability, for what writes to directories of the node, which the kubelet makes for root. */
export const asRoot = { ...restricted, runAsUser: 0 };

/** For all pods here: none of them talks to Kubernetes. */
export const podDefaults = { enableServiceLinks: false, automountServiceAccountToken: false };
