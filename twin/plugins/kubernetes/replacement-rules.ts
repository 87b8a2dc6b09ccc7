import type { KubernetesObject } from "./objects.ts";
import { identityOf } from "./objects.ts";

/** Two kinds that Kubernetes lets change and Pulumi by default does not: a new one rolls out to those who use it. */
export interface Mutability {
  configMaps: boolean;
  secrets: boolean;
}

// After pulumi-kubernetes, provider/pkg/provider/diff.go. A field not named here is changed in place, and where Kubernetes
// finds it immutable, the API server says so, here as with the real provider.
const immutableFields: Record<string, string[]> = {
  "apps/v1/DaemonSet": ["spec.selector"],
  "apps/v1/Deployment": ["spec.selector"],
  "batch/v1/Job": ["spec.completions", "spec.parallelism", "spec.selector", "spec.template"],
  "rbac.authorization.k8s.io/v1/ClusterRoleBinding": ["roleRef"],
  "rbac.authorization.k8s.io/v1/RoleBinding": ["roleRef"],
  "storage.k8s.io/v1/StorageClass": ["parameters", "provisioner"],
  "v1/PersistentVolume": [
    "spec.awsElasticBlockStore",
    "spec.azureDisk",
    "spec.azureFile",
    "spec.cephfs",
    "spec.cinder",
    "spec.csi",
    "spec.fc",
    "spec.flexVolume",
    "spec.flocker",
    "spec.gcePersistentDisk",
    "spec.glusterfs",
    "spec.hostPath",
    "spec.iscsi",
    "spec.local",
    "spec.nfs",
    "spec.photonPersistentDisk",
    "spec.portworxVolume",
    "spec.quobyte",
    "spec.rbd",
    "spec.scaleIO",
    "spec.storageos",
    "spec.vsphereVolume",
  ],
  "v1/PersistentVolumeClaim": ["spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"],
  "v1/Secret": ["type"],
  "v1/Service": ["spec.clusterIP"],
};

/** The dotted paths whose change needs a new object. */
export function findImmutableFields(object: KubernetesObject, mutable: Mutability): string[] {
  const { apiVersion, kind } = identityOf(object);
  const type = `${apiVersion}/${kind}`;
  const fixed = object.immutable === true;
  return [
    "metadata.name",
    "metadata.namespace",
    ...(immutableFields[type] ?? []),
    ...(type === "v1/ConfigMap" && (fixed || !mutable.configMaps) ? ["data", "binaryData"] : []),
    ...(type === "v1/Secret" && (fixed || !mutable.secrets) ? ["data", "stringData"] : []),
  ];
}
