/** Where K3s keeps its things on a node; its own paths (docs.k3s.io), which other tools know too. */
export const binaryPath = "/usr/local/bin/k3s";
export const configPath = "/etc/rancher/k3s/config.yaml";
export const nodePasswordPath = "/etc/rancher/node/password";
export const authoritiesDirectory = "/var/lib/rancher/k3s/server/tls";
export const imagesDirectory = "/var/lib/rancher/k3s/agent/images";
/** Says once, before there are data of the cluster, whether the server founds it or which one it joins through. */
export const placePath = "/etc/rancher/k3s/config.yaml.d/10-cluster.yaml";
/** What counts when a node registers and never again. */
export const registrationPath = "/etc/rancher/k3s/config.yaml.d/20-registration.yaml";
export const cleanUpPath = "/usr/local/lib/bramble/k3s-clean-up";
/**
 * Where `npm run restore` lays down the snapshot that the next update founds the cluster from; without its manifest it is not whole.
 * Outside of what a data disk covers, which that update mounts.
 */
export const restoreDirectory = "/var/lib/bramble/restore";

export type Role = "server" | "agent";

export const unitName = (role: Role) => (role === "server" ? "k3s.service" : "k3s-agent.service");
export const unitPath = (role: Role) => `/etc/systemd/system/${unitName(role)}`;
