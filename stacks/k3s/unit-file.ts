import { binaryPath, type Role } from "./paths.ts";
import { proxyEnvironmentPath } from "./proxy-environment.ts";

/**
 * Renders K3s's systemd unit, with the settings that its documentation gives for one (docs.k3s.io, Installation).
 * A server tells systemd when it is ready; an agent counts as started at once, since it waits for its server.
 */
export function renderUnit(role: Role): string {
  return `# Kept by Bramble: changes are undone by the next \`pulumi up\`.
[Unit]
Description=K3s ${role}
Documentation=https://docs.k3s.io
Wants=network-online.target
After=network-online.target

[Service]
Type=${role === "server" ? "notify" : "exec"}
EnvironmentFile=-${proxyEnvironmentPath}
# Some images have these built in, or are containers.
ExecStartPre=-modprobe br_netfilter
ExecStartPre=-modprobe overlay
ExecStart=${binaryPath} ${role}
# Pods live on while K3s restarts; it moves them into cgroups of its own making.
KillMode=process
Delegate=yes
LimitNOFILE=1048576
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
TimeoutStartSec=0
Restart=always
RestartSec=5s

[Install]
WantedBy=multi-user.target
`;
}
