import { z } from "zod";
import { cloudInitSnippet } from "./cloud-init-snippet.ts";
import { ipv4, ipv6, port, publicKey, userName } from "./fields.ts";
import { firmware } from "./firmware.ts";

const labelKey = z
  .string()
  .regex(/^([a-z0-9.-]+\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/, "must be a Kubernetes label key");
const labelValue = z
  .string()
  .regex(/^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/, "must be a Kubernetes label value");

const taint = z.strictObject({
  value: labelValue,
  effect: z.enum(["NoSchedule", "PreferNoSchedule", "NoExecute"]),
});

const dataDisk = z.strictObject({
  device: z
    .string()
    .regex(/^\/dev\/disk\/by-(id|path)\/[\w.:+-]+$/, "must be a stable name: /dev/disk/by-id/... or by-path")
    .describe("the NVMe or USB disk that K3s, models and results lie on"),
  erase: z
    .boolean()
    .default(false)
    .describe("format the disk although something else is on it; one that is this site's own is never formatted again"),
});

const expectations = z.strictObject({
  serial: z.string().min(1).optional().describe("the board's serial number"),
  model: z.string().min(1).optional().describe("what the board's model begins with, such as Raspberry Pi 5"),
  memoryMegabytes: z.int().positive().optional().describe("the least memory, as the kernel counts it"),
  eeprom: z.iso.date().optional().describe("the oldest boot loader (EEPROM) that will do, as a date"),
});

/** One board of a site. */
export const nodeSchema = z.strictObject({
  role: z.enum(["server", "agent"]).describe("server runs the control plane and etcd; agent only workloads"),
  address: ipv4.describe("the node's IPv4 address"),
  address6: ipv6.optional().describe("the node's IPv6 address, where network.ipv6 is static"),
  generation: z
    .int()
    .min(1)
    .default(1)
    .describe("raise it by one to write a new card with new host keys under the same name"),
  labels: z.record(labelKey, labelValue).default({}).describe("Kubernetes labels of the node"),
  taints: z
    .record(labelKey, z.enum(["NoSchedule", "PreferNoSchedule", "NoExecute"]).or(taint))
    .default({})
    .describe("Kubernetes taints of the node: an effect, or a value and an effect"),
  wifi: z.boolean().default(false).describe("the node joins network.wifi instead of a cable"),
  cloudInit: cloudInitSnippet.optional().describe("cloud-config of your own for this node's first boot"),
  firmware: firmware.optional().describe("firmware settings of this node, before the site's"),
  dataDisk: dataDisk.optional(),
  expect: expectations.prefault({}).describe("what the board must be; nothing is changed anywhere while one is not"),
  hostKey: publicKey
    .optional()
    .describe("adopts a node whose card Bramble did not write: its public SSH host key (npm run adopt finds it)"),
  user: userName.optional().describe("the account to log in to an adopted node with, if not the site's"),
  port: port.optional().describe("the node's SSH port, if not the site's"),
});
export type SiteNode = z.infer<typeof nodeSchema>;
export type Expectations = SiteNode["expect"];
