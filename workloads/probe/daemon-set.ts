import type { PodFiles } from "../pod-files.ts";
import { asRoot, podDefaults } from "../pod-security.ts";

export interface ProbeArguments {
  /** The site's. Its pods use the node's network and directories, which the Pod Security level "baseline" forbids. */
  readonly namespace: string;
  /** Node's, the one that the benchmark's runner has. */
  readonly image: string;
  /** This directory's, by podFiles. */
  readonly files: PodFiles;
  /** Bytes of samples that a node keeps. @default 512 MiB, about two weeks */
  readonly sizeLimit?: number;
  /** A directory of the nodes that is read in the place of their /sys, control groups excepted: recordings, on a twin. */
  readonly recordedSys?: string;
}

/** Each node's probe answers here, at the node's own address. */
export const probePort = 9101;

/** Where samples lie on a node, for as long as the site does. */
export const probeDirectory = "/var/lib/bramble/probe";

/** Where a node's power meter writes (stacks/nodes/preparation/power-meter.ts). */
const meterDirectory = "/run/bramble/meter";

const mebibyte = 2 ** 20;
const defaultSizeLimit = 512 * mebibyte;

const mount = {
  source: "/probe",
  output: "/samples",
  cgroups: "/host/cgroup",
  meter: "/host/meter",
  recordedSys: "/host/sys",
} as const;

/** The URL at which a node's probe tells its last sample. `address` is the node's; IPv6 without brackets. */
export function probeUrl(address: string): string {
  return `http://${address.includes(":") ? `[${address}]` : address}:${probePort}/`;
}

/**
 * The probe's manifests: one pod on every node, of the node's own network, so that it is reached where the node is.
 *
 * It mounts only what a container does not see anyway. Its own /proc/stat and /proc/meminfo are the node's, and so is its
 * /sys: temperature, frequency, fan. Of control groups it sees but its own, so the node's are mounted, read-only; and the
 * power meter's directory, since a pod that opens the firmware's device itself would have to be privileged.
 */
export function renderProbe(given: ProbeArguments) {
  const { namespace, image, files, sizeLimit = defaultSizeLimit, recordedSys } = given;
  const labels = { "app.kubernetes.io/name": "probe" };
  // Named by its content: another program is a rolling change.
  const sourceName = `probe-${files.digest.slice(0, 12)}`;

  const configMap = {
    apiVersion: "v1" as const,
    kind: "ConfigMap" as const,
    metadata: { name: sourceName, namespace, labels },
    immutable: true,
    data: files.files,
  };

  const directory = (name: string, path: string, type: string) => ({ name, hostPath: { path, type } });
  // Version 1's hierarchies are mounts below the mount, which readOnly alone would leave writable.
  const readOnly = (name: string, mountPath: string) => ({
    name,
    mountPath,
    readOnly: true,
    recursiveReadOnly: "IfPossible",
  });

  const daemonSet = {
    apiVersion: "apps/v1" as const,
    kind: "DaemonSet" as const,
    // A node that is away for a week must not hold up the update of a site.
    metadata: { name: "probe", namespace, labels, annotations: { "pulumi.com/skipAwait": "true" } },
    spec: {
      selector: { matchLabels: labels },
      // A node's probe is of use to that node only: nothing is gained by one after the other.
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "100%" } },
      template: {
        metadata: { labels },
        spec: {
          ...podDefaults,
          hostNetwork: true,
          hostPID: false,
          // Servers and nodes under pressure are measured too.
          tolerations: [{ operator: "Exists" }],
          // Allowed in every namespace since Kubernetes 1.17. When a model is too large for its node, the probe has to
          // outlive it: it is the witness. It is also never the pod that finds no room on a full node.
          priorityClassName: "system-node-critical",
          // Its last samples go to the disk.
          terminationGracePeriodSeconds: 15,
          containers: [
            {
              name: "probe",
              image,
              imagePullPolicy: "IfNotPresent",
              workingDir: mount.source,
              // Small generations: at one sample a second nothing is gained by keeping garbage.
              command: ["node", "--max-semi-space-size=1", "--max-old-space-size=32", "main.ts"],
              env: [
                { name: "PROC", value: "/proc" },
                { name: "SYS", value: recordedSys === undefined ? "/sys" : mount.recordedSys },
                { name: "CGROUPS", value: mount.cgroups },
                { name: "METER", value: mount.meter },
                { name: "OUTPUT", value: mount.output },
                { name: "SIZE_LIMIT", value: String(sizeLimit) },
                { name: "HOST", valueFrom: { fieldRef: { fieldPath: "status.hostIP" } } },
                { name: "PORT", value: String(probePort) },
              ],
              ports: [{ name: "probe", containerPort: probePort, hostPort: probePort, protocol: "TCP" }],
              // No limit of processor time: throttled, it would miss seconds.
              resources: { requests: { cpu: "10m", memory: "48Mi" }, limits: { memory: "96Mi" } },
              // It owns the directory of samples, which the kubelet makes for root.
              securityContext: asRoot,
              volumeMounts: [
                { name: "source", mountPath: mount.source, readOnly: true },
                { name: "samples", mountPath: mount.output },
                readOnly("cgroups", mount.cgroups),
                readOnly("meter", mount.meter),
                ...(recordedSys === undefined ? [] : [readOnly("recorded-sys", mount.recordedSys)]),
              ],
            },
          ],
          volumes: [
            { name: "source", configMap: { name: sourceName } },
            directory("samples", probeDirectory, "DirectoryOrCreate"),
            directory("cgroups", "/sys/fs/cgroup", "Directory"),
            // Where there is no power meter, an empty one.
            directory("meter", meterDirectory, "DirectoryOrCreate"),
            ...(recordedSys === undefined ? [] : [directory("recorded-sys", recordedSys, "Directory")]),
          ],
        },
      },
    },
  };
  return { configMap, daemonSet };
}
