/** `bramble:site` of three servers and two agents, as it stands in a configuration. */
export function threeServers() {
  const node = (role: "server" | "agent", host: number) => ({ role, address: `192.168.7.${host}` });
  return {
    name: "barn",
    image: { file: "image.img", sha256: "0".repeat(64) },
    network: { prefix: 24, gateway: "192.168.7.1" },
    nodes: {
      "pi-1": node("server", 11),
      "pi-2": node("server", 12),
      "pi-3": node("server", 13),
      "pi-4": node("agent", 14),
      "pi-5": node("agent", 15),
    },
    k3s: { version: "v1.34.2+k3s1", binary: { file: "k3s", sha256: "1".repeat(64) } },
  };
}
