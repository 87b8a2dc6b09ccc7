import { z } from "zod";
import { recordsSchema } from "../remote/drift.ts";

/** What a board is; stable while its hardware and card stay. Missing is null. */
export const factsSchema = z.strictObject({
  serial: z.string().nullable(),
  model: z.string().nullable(),
  memoryMegabytes: z.int().nullable(),
  /** As `uname -m` says it: aarch64, x86_64. */
  architecture: z.string().nullable(),
  kernel: z.string().nullable(),
  /** Bytes; 16384 with the Pi 5's default kernel, which some images crash on. */
  pageSize: z.int(),
  cpus: z.int().nullable(),
  cgroup: z
    .strictObject({
      version: z.union([z.literal(1), z.literal(2)]),
      /** Whether memory can be limited: without that controller K3s does not start. */
      memory: z.boolean(),
      /** Names of the controllers that are on; a stack's state from before they were read has none. */
      controllers: z.array(z.string()).default([]),
    })
    .nullable(),
  /** The device of the root file system. */
  bootDisk: z.string().nullable(),
  bootDiskKind: z.enum(["sd", "emmc", "nvme", "usb"]).nullable().default(null),
  /** The day on which the boot loader in the EEPROM was built. */
  eepromDate: z.iso.date().nullable().default(null),
  /** The EEPROM's BOOT_ORDER, such as 0xf461. */
  bootOrder: z.string().nullable().default(null),
  /** What the power supply said that it can give; 5000 for the official one of a Pi 5. */
  supplyMilliamps: z.int().nullable().default(null),
  /** SHA-256 in hex of the certificate (DER) of the authority of the cluster that the node is in. */
  clusterAuthority: z.string().nullable().default(null),
  /** As systemd-detect-virt says it: "none" on a board, "systemd-nspawn" on the twin. */
  virtualization: z.string().nullable(),
});
export type Facts = z.infer<typeof factsSchema>;

/** How a node fares at the moment. */
const healthSchema = z.strictObject({
  /** The node's clock, Unix time in seconds. */
  clock: z.number(),
  /** Another text after each boot. */
  boot: z.string().nullable(),
  /** The firmware's get_throttled bits; `describeThrottling` has words for them. */
  throttled: z.int().nullable(),
  /** What firmware and kernel say of the power supply; null where neither says anything. */
  supplyWarnings: z.array(z.enum(["under-voltage", "usb-over-current"])).nullable(),
  /** Whether cloud-init has done its part of this boot; null where it has none. */
  booted: z.boolean().nullable(),
  /** What is set and comes into effect with the next boot only. */
  rebootNeeded: z.array(z.string()),
});
export type Health = z.infer<typeof healthSchema>;

/** What K3s is on a node, and how it fares. */
const k3sSchema = z.strictObject({
  /** By the unit that is there. */
  role: z.enum(["server", "agent"]).nullable(),
  /** ActiveState of its unit. */
  unit: z.string().nullable(),
  /** How often systemd has started it again by itself. */
  restarts: z.int().nullable(),
  /** Of the executable, such as v1.34.2+k3s1. */
  version: z.string().nullable(),
  /** Whether it is part of a cluster: etcd's data on a server, a kubelet's certificate on an agent. */
  hasData: z.boolean(),
  /** The earliest end of its certificates, its authorities' excepted. */
  certificatesEnd: z.iso.datetime().nullable(),
  /** SHA-256 in hex of the password in the server's token. */
  tokenDigest: z.string().nullable(),
  /** What its cluster keeps for ever, as its configuration has it. */
  decided: z
    .strictObject({
      secretsEncryption: z.boolean().nullable(),
      clusterCidr: z.string().nullable(),
      serviceCidr: z.string().nullable(),
    })
    .nullable(),
  /** The end of its journal, where it is not well. */
  journal: z.array(z.string()),
  /** Of the file system that its data lie on: all of it, and what is left. */
  diskMegabytes: z.int().nullable(),
  diskFreeMegabytes: z.int().nullable(),
  /** Of etcd, the newest last; null where there are none. */
  snapshots: z.array(z.strictObject({ name: z.string(), megabytes: z.int(), time: z.iso.datetime() })).nullable(),
});
export type K3sReport = z.infer<typeof k3sSchema>;

/** What nodes/probe.py prints. */
export const reportSchema = z.strictObject({
  machine: z.string().nullable(),
  stamp: z.unknown(),
  facts: factsSchema,
  health: healthSchema,
  k3s: k3sSchema,
  records: recordsSchema,
});

/** What a node said, and how far its clock is off. */
export type NodeReport = z.infer<typeof reportSchema> & {
  /** Seconds by which the node's clock certainly is ahead of this machine's (negative: behind), see `clockSkew`. */
  readonly clockSkew: number;
};
