import { z } from "zod";
import { ipAddress, ipv4, ipv6 } from "./fields.ts";

const wifi = z.strictObject({
  // IEEE 802.11 allows any 32 bytes; what people type is printable.
  ssid: z
    .string()
    .min(1)
    .refine((text) => Buffer.byteLength(text) <= 32, "must be at most 32 bytes long")
    .refine((text) => text.isWellFormed(), "must be valid Unicode")
    .refine((text) => !/\p{Cc}/u.test(text), "must be on one line, without control characters"),
  country: z
    .string()
    .regex(/^[A-Z]{2}$/, "must be a country's two capital letters (ISO 3166-1), for example GB")
    .describe("the country whose radio rules hold; without it a Pi keeps its Wi-Fi off"),
  hidden: z.boolean().default(false).describe("the network does not announce its name"),
});

const networkIpv6 = z.strictObject({
  method: z.enum(["auto", "dhcp", "static"]).describe("router advertisements, DHCPv6, or the nodes' own address6"),
  prefix: z.int().min(8).max(127).optional().describe("static: length of the subnet's prefix, for example 64"),
  gateway: ipv6.optional().describe("static: the default route"),
});

/** How the nodes of a site are connected. */
export const network = z.strictObject({
  method: z
    .enum(["static", "dhcp"])
    .default("static")
    .describe("dhcp: the network's own server must give each node the address that it has here"),
  prefix: z.int().min(8).max(30).optional().describe("static: length of the subnet's prefix, for example 24"),
  gateway: ipv4.optional().describe("static: the default route"),
  nameservers: z.array(ipAddress).default([]).describe("DNS servers; none for a site with no way out"),
  interface: z
    .string()
    .regex(/^[a-z][a-z0-9]{0,14}$/)
    .default("eth0")
    .describe("the boards' wired network interface"),
  ipv6: networkIpv6.optional().describe("IPv6 beside IPv4; without it the nodes have none"),
  wifi: wifi
    .optional()
    .describe("the Wi-Fi that nodes with `wifi: true` join; its password is the secret bramble:wifiPassword"),
});
export type Network = z.infer<typeof network>;
