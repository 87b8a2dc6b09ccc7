import { basename } from "node:path";
import { z } from "zod";
import { UserError } from "../user-error.ts";
import { networkConfigStub, userDataStub } from "./seed/stubs.ts";

/** What cards/scrub.py is given for a node. Secret. */
export function scrubPayload(node: string, instance: string, secrets: readonly string[]): Record<string, unknown> {
  return {
    instance,
    secrets,
    userData: userDataStub(node),
    networkConfig: networkConfigStub,
    boot: "/boot/firmware",
    cloud: "/var/lib/cloud",
    run: "/run/cloud-init",
    logs: ["/var/log/cloud-init.log", "/var/log/cloud-init-output.log"],
    record: "/run/bramble/scrubbed.json",
  };
}

const reportSchema = z.union([
  z.strictObject({ done: z.literal("before") }),
  z.strictObject({ failed: z.string() }),
  z.strictObject({
    done: z.literal("now"),
    wiped: z.array(z.string()),
    /** The boot partition's device, where there is one. */
    device: z.string().nullable(),
    /** How much of it was searched. */
    bytes: z.int(),
    /** Where secrets are still found. */
    left: z.array(z.string()),
  }),
]);

/**
 * One line that says what was done: "pi-2: took its secrets off user-data, obj.pkl; none is left in 512 MB of /dev/mmcblk0p1 and in
 * cloud-init's files".
 * @throws UserError when secrets are left
 */
export function describeScrub(node: string, answer: unknown): string {
  const report = reportSchema.parse(answer);
  if ("failed" in report)
    throw new UserError({ what: report.failed, where: node, next: "run `pulumi up` again when the node has booted" });
  if (report.done === "before") return `${node}: its secrets are off the card already`;
  const { wiped, device, bytes, left } = report;
  if (left.length > 0)
    throw new UserError({
      what: `secrets of its first boot are still on its card: ${left.join(", ")}`,
      where: node,
      next: "see what copied them there and remove that; if it is the device itself, write the card again with another generation",
    });
  const names = [...new Set(wiped.map((path) => basename(path)))];
  const took = names.length === 0 ? "had no secrets left" : `took its secrets off ${names.join(", ")}`;
  const searched = device === null ? "" : `${Math.round(bytes / 1e6)} MB of ${device} and in `;
  return `${node}: ${took}; none is left in ${searched}cloud-init's files`;
}
