import fc from "fast-check";
import type { z } from "zod";
import { siteSchema, type Site } from "../../../stacks/config/site.ts";
import { findSiteConflicts } from "../../../stacks/config/site-conflicts.ts";
import { systems } from "../../../stacks/cards/system.ts";

type SiteInput = z.input<typeof siteSchema>;

/** Strings that YAML's two versions read as something else, that break out of their place, or that a shell would run. */
export const hostile: fc.Arbitrary<string> = fc.oneof(
  fc.string({ minLength: 1 }),
  fc.string({ minLength: 1, unit: "binary" }),
  fc.constantFrom(
    ...["no", "Yes", "on", "y", "null", "~", "1_000", "0x1f", "010", "1:30", "1e3", ".inf", "=", "<<", "2001-01-01"],
    ...[
      "a: b",
      "a #b",
      "- a",
      "*a",
      "&a",
      "!a",
      "%a",
      "@a",
      "`a`",
      "|",
      ">",
      "'",
      '"',
      "\\",
      "{{ x }}",
      "\n",
      "a\nb: c",
    ],
    ...["---", "...", "\t", " a", "a ", "\u0085", "\u2028", "\ufeff", "#cloud-config", "a\r\nb", "\u0007", "\u007f"],
    ...["$(id)", "`id`", "'; id; '", '"; id #', "a\nruncmd: [id]", "caf\u00e9 \u{1f4a9}", "\u202egnp", "a b", "-----"],
  ),
);

const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,8}[a-z0-9])?$/);
const publicKey = fc.constantFrom(
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ada@example.org",
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
  'ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY= it\'s "quoted" $(id): # x',
);
const ssid = fc
  .oneof(hostile, fc.constantFrom("Barn & Field", "no", "\u{1f404} shed"))
  .filter((text) => text.isWellFormed() && Buffer.byteLength(text) <= 32 && !/\p{Cc}/u.test(text));
const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const snippet = fc.record(
  {
    write_files: fc.array(
      fc.record({ path: fc.constant("/etc/motd"), content: hostile.filter((t) => t.isWellFormed()) }),
      {
        minLength: 1,
        maxLength: 2,
      },
    ),
    runcmd: fc.array(fc.constantFrom("echo hello", "touch /var/tmp/x"), { minLength: 1, maxLength: 2 }),
    apt: fc.constant({ conf: "Acquire { Check-Date false; };" }),
    final_message: hostile.filter((text) => text.isWellFormed()),
  },
  { requiredKeys: [] },
);
const fan = fc
  .uniqueArray(fc.integer({ min: 20, max: 90 }), { minLength: 1, maxLength: 4 })
  .map((temperatures) =>
    temperatures.sort((one, other) => one - other).map((celsius) => ({ celsius, speed: celsius })),
  );
const firmware = fc.record(
  { fan, pcieGeneration: fc.constantFrom(2 as const, 3 as const), pageSize: fc.constant(4096 as const) },
  { requiredKeys: [] },
);

const ingredients = fc.record({
  name: label,
  user: label,
  adminKeyGeneration: fc.integer({ min: 1, max: 7 }),
  authorizedKeys: fc.uniqueArray(publicKey, { maxLength: 2 }),
  nodeName: label,
  generation: fc.integer({ min: 1, max: 99 }),
  method: fc.constantFrom("static" as const, "dhcp" as const),
  interface: fc.oneof(fc.stringMatching(/^[a-z][a-z0-9]{0,14}$/), fc.constantFrom("no", "on", "y", "null", "e42")),
  nameservers: fc.uniqueArray(fc.oneof(fc.ipV4(), fc.ipV6()), { maxLength: 3 }),
  ipv6: optional(fc.constantFrom("auto" as const, "dhcp" as const, "static" as const)),
  wifi: optional(fc.record({ ssid, country: fc.stringMatching(/^[A-Z]{2}$/), hidden: fc.boolean() })),
  port: fc.constantFrom(22, 2222),
  locale: optional(fc.constantFrom("C", "C.UTF-8", "en_GB.UTF-8", "de_DE")),
  timeZone: fc.constantFrom("Etc/UTC", "Europe/Madrid", "America/Argentina/Ushuaia"),
  timeServers: fc.uniqueArray(fc.constantFrom("ntp.example.org", "192.168.7.1", "fd00::1"), { maxLength: 2 }),
  cloudInit: optional(snippet),
  nodeCloudInit: optional(snippet),
  firmware,
  nodeFirmware: optional(firmware),
});

/** Sites that the configuration accepts, all kinds of them, with the name of the node that a card is for. */
export const validSite: fc.Arbitrary<{ site: Site; node: string }> = ingredients.map((given) => {
  const { nodeName, generation, method, ipv6, wifi, nodeCloudInit, nodeFirmware } = given;
  const input: SiteInput = withoutUndefined({
    name: given.name,
    user: given.user,
    adminKeyGeneration: given.adminKeyGeneration,
    authorizedKeys: given.authorizedKeys,
    image: { file: "images/os.img", sha256: "a".repeat(64) },
    network: withoutUndefined({
      method,
      ...(method === "static" && { prefix: 24, gateway: "192.168.7.1" }),
      nameservers: given.nameservers,
      interface: given.interface,
      ...(ipv6 !== undefined && {
        ipv6: { method: ipv6, ...(ipv6 === "static" && { prefix: 64, gateway: "fd00::1" }) },
      }),
      wifi,
    }),
    access: { port: given.port },
    locale: given.locale,
    timeZone: given.timeZone,
    timeServers: given.timeServers,
    cloudInit: given.cloudInit,
    firmware: given.firmware,
    nodes: {
      [nodeName]: withoutUndefined({
        role: "server" as const,
        address: "192.168.7.11",
        ...(ipv6 === "static" && { address6: "fd00::11" }),
        generation,
        wifi: wifi !== undefined,
        cloudInit: nodeCloudInit,
        firmware: nodeFirmware,
      }),
    },
    k3s: { version: "v1.34.2+k3s1", binary: { file: "images/k3s", sha256: "b".repeat(64) } },
  });
  const conflicts = findSiteConflicts(input);
  if (conflicts.length > 0) throw new Error(JSON.stringify(conflicts));
  return { site: siteSchema.parse(input), node: nodeName };
});

export const system = fc.constantFrom(...systems);

function withoutUndefined<Value extends object>(value: Value): Value {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as Value;
}
