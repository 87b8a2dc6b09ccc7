import type { Facts, Health, K3sReport, NodeReport } from "../../../stacks/nodes/facts.ts";

/** A Pi 5 with Raspberry Pi OS that nothing is wrong with. */
export function exampleFacts(changes: Partial<Facts> = {}): Facts {
  return {
    serial: "10000000aabbccdd",
    model: "Raspberry Pi 5 Model B Rev 1.0",
    memoryMegabytes: 8062,
    architecture: "aarch64",
    kernel: "6.12.25+rpt-rpi-2712",
    pageSize: 16384,
    cpus: 4,
    cgroup: { version: 2, memory: true, controllers: ["cpu", "cpuset", "io", "memory", "pids"] },
    bootDisk: "/dev/mmcblk0p2",
    bootDiskKind: "sd",
    eepromDate: "2025-05-08",
    bootOrder: "0xf461",
    supplyMilliamps: 5000,
    clusterAuthority: null,
    virtualization: "none",
    ...changes,
  };
}

export function exampleHealth(changes: Partial<Health> = {}): Health {
  return {
    clock: 1.8e9,
    boot: "b1d5f9c4.42",
    throttled: 0,
    supplyWarnings: [],
    booted: true,
    rebootNeeded: [],
    ...changes,
  };
}

/** A node that K3s has never been on. */
export function exampleK3s(changes: Partial<K3sReport> = {}): K3sReport {
  return {
    role: null,
    unit: null,
    restarts: null,
    version: null,
    hasData: false,
    certificatesEnd: null,
    tokenDigest: null,
    decided: null,
    journal: [],
    diskMegabytes: 31_000,
    diskFreeMegabytes: 28_000,
    snapshots: null,
    ...changes,
  };
}

export function exampleReport(changes: Partial<NodeReport> = {}): NodeReport {
  return {
    machine: "1f2e3d4c5b6a",
    stamp: null,
    facts: exampleFacts(),
    health: exampleHealth(),
    k3s: exampleK3s(),
    records: {},
    clockSkew: 0,
    ...changes,
  };
}
