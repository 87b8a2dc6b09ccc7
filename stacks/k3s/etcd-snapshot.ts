import { run as runOnNode } from "../remote/connection.ts";
import type { Endpoint } from "../remote/endpoint.ts";
import { UserError } from "../user-error.ts";
import { binaryPath } from "./paths.ts";

/** Seconds that etcd may take to write a snapshot to an SD card. */
const limit = 600;

/**
 * Runs `k3s etcd-snapshot` on a server.
 * @param outcome what it means where that fails
 * @throws UserError with what K3s said last
 */
export async function etcdSnapshot(
  endpoint: Endpoint,
  argv: readonly string[],
  outcome: string,
  run: typeof runOnNode = runOnNode,
): Promise<void> {
  const command = ["sudo", "-n", binaryPath, "etcd-snapshot", ...argv];
  const { code, stdout, stderr } = await run(endpoint, command, { timeoutSeconds: limit });
  if (code === 0) return;
  const said = (stderr + stdout).trim().split("\n").slice(-3);
  throw new UserError({
    what: `${outcome}; k3s etcd-snapshot ${argv[0] ?? ""} said last:\n    ${said.join("\n    ")}`,
    where: endpoint.node,
    next: "mend what it names (room on the disk? journalctl -u k3s), then run this again",
  });
}
