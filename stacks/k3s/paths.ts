/** Where K3s keeps its things on a node; its own paths (docs.k3s.io), which other tools know too. */
export const binaryPath = "/usr/local/bin/k3s";
export const configPath = "/etc/rancher/k3s/config.yaml";
export const nodePasswordPath = "/etc/rancher/node/password";
export const authoritiesDirectory = "/var/lib/rancher/k3s/server/tls";
export const imagesDirectory = "/var/lib/rancher/k3s/agent/images";
export const cleanUpPath = "/usr/local/lib/bramble/k3s-clean-up";

export type Role = "server" | "agent";

export const unitName = (role: Role) => (role === "server" ? "k3s.service" : "k3s-agent.service");
export const unitPath = (role: Role) => `/etc/systemd/system/${unitName(role)}`;
