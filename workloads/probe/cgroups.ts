import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** K3s as a server and as an agent. */
const units = ["k3s.service", "k3s-agent.service"];

/** Where pods lie, for the kubelet's two drivers: cgroupfs and systemd. */
const tops = ["kubepods", "kubepods.slice"];

/** Where pods that are not guaranteed their resources lie below that. */
const classes = ["burstable", "besteffort", "kubepods-burstable.slice", "kubepods-besteffort.slice"];

/**
 * The name of a pod's control group as its key, "pod<uid>", or undefined: "pod1f0c..." with cgroupfs,
 * "kubepods-burstable-pod1f0c....slice" with systemd, where a dash parts slices and so is written as an underscore
 * (kubernetes, pkg/kubelet/cm/cgroup_manager_linux.go). A static pod's uid has no dashes.
 */
export function podKey(directory: string): string | undefined {
  const slice = /^kubepods(?:-burstable|-besteffort)?-pod([0-9a-f_]+)\.slice$/.exec(directory)?.[1];
  const uid = slice?.replaceAll("_", "-") ?? /^pod([0-9a-f-]+)$/.exec(directory)?.[1];
  return uid === undefined ? undefined : `pod${uid}`;
}

/**
 * The files that tell how many bytes each pod and K3s itself use, by key. Empty where the kernel counts no memory: on a Pi
 * that needs cgroup_enable=memory on its command line.
 */
export function findCgroups(root: string): Map<string, string> {
  const found = new Map<string, string>();
  const hierarchy = memoryHierarchy(root);
  if (hierarchy === null) return found;
  const { directory, file } = hierarchy;
  const addPods = (parent: string): void => {
    for (const name of namesIn(parent)) {
      const key = podKey(name);
      if (key !== undefined) found.set(key, join(parent, name, file));
    }
  };
  for (const top of tops.map((name) => join(directory, name))) {
    addPods(top);
    for (const name of classes) addPods(join(top, name));
  }
  const services = join(directory, "system.slice");
  for (const unit of units)
    if (namesIn(join(services, unit)).includes(file)) found.set(unit, join(services, unit, file));
  return found;
}

/**
 * Version 2 where the root lists its controllers; version 1 has a directory for each, also on hybrid machines, whose
 * version 2 hierarchy lies in `unified` and counts no memory.
 */
function memoryHierarchy(root: string): { directory: string; file: string } | null {
  const names = namesIn(root);
  if (names.includes("cgroup.controllers")) {
    const controllers = readFileSync(join(root, "cgroup.controllers"), "utf8").trim().split(" ");
    return controllers.includes("memory") ? { directory: root, file: "memory.current" } : null;
  }
  return names.includes("memory") ? { directory: join(root, "memory"), file: "memory.usage_in_bytes" } : null;
}

/** Empty where there is no such directory, as when a pod has just ended. */
function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
