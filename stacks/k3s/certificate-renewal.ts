import type { K3sReport } from "../nodes/facts.ts";

/** K3s renews at a start what has less than 120 days left (docs.k3s.io/cli/certificate); a start is due well before the end. */
const dueDays = 60;

/** Why K3s has to be started again on a node although nothing changed: its certificates end. The same text for the same end. */
export function renewalReason({ certificatesEnd }: K3sReport, now: Date): string | undefined {
  if (certificatesEnd === null) return undefined;
  const left = new Date(certificatesEnd).getTime() - now.getTime();
  return left < dueDays * 86_400_000 ? `certificates end on ${certificatesEnd.slice(0, 10)}` : undefined;
}
