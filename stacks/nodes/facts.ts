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
  cgroup: z.strictObject({ version: z.union([z.literal(1), z.literal(2)]), memory: z.boolean() }).nullable(),
  bootDisk: z.string().nullable(),
  /** As systemd-detect-virt says it: "none" on a board, "systemd-nspawn" on the twin. */
  virtualization: z.string().nullable(),
});
export type Facts = z.infer<typeof factsSchema>;

/** How a node fares at the moment. */
const healthSchema = z.strictObject({
  /** The node's clock, Unix time in seconds. */
  clock: z.number(),
  /** The firmware's get_throttled bits. */
  throttled: z.int().nullable(),
  /** Whether cloud-init has done its part of this boot; null where it has none. */
  booted: z.boolean().nullable(),
  /** ActiveState of K3s's unit. */
  k3s: z.string().nullable(),
});
export type Health = z.infer<typeof healthSchema>;

/** What nodes/probe.py prints. */
export const reportSchema = z.strictObject({
  machine: z.string().nullable(),
  stamp: z.unknown(),
  facts: factsSchema,
  health: healthSchema,
  records: recordsSchema,
});
export type NodeReport = z.infer<typeof reportSchema>;
