import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { renderRules } from "../../../../stacks/nodes/preparation/firewall.ts";
import { exampleNode, exampleSite } from "../../keys/example.ts";
import { testWithTools } from "../../../with-tools.ts";

function site() {
  const example = exampleSite();
  example.nodes["pi-2"] = exampleNode({ role: "agent", address: "192.168.7.12", address6: "fd00::12" });
  return example;
}

/** Runs in a network of its own; undefined where this user may have none. */
function inNetwork(t: ExecutionContext, script: string, ...args: string[]) {
  const directory = mkdtempSync(join(tmpdir(), "bramble-firewall-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  writeFileSync(join(directory, "rules.nft"), renderRules(site()));
  writeFileSync(join(directory, "script"), script);
  const argv = ["--user", "--map-root-user", "--net", "sh", "-eu", "script", ...args];
  const env = { ...process.env, PATH: `/usr/sbin:/usr/bin:/sbin:/bin:${process.env.PATH ?? ""}` };
  return spawnSync("unshare", argv, { cwd: directory, env, encoding: "utf8" });
}

const mayUnshare = spawnSync("unshare", ["--user", "--map-root-user", "--net", "true"]).status === 0;
// By its path: an npm package brings a command of the same name.
const hasNft = existsSync("/usr/sbin/nft");
const withNetworks = (tools: readonly string[], title: string, run: (t: ExecutionContext) => void) => {
  if (mayUnshare && hasNft) testWithTools(tools, title, run);
  else test.skip(`${title} (skipped: ${hasNft ? "no user namespaces here" : "nft not installed"})`, run);
};

withNetworks([], "nft takes the rules, over those of before too, and leaves other tables alone", (t) => {
  const { status, stdout, stderr } = inNetwork(
    t,
    `nft add table inet other
    nft --check --file rules.nft
    nft --file rules.nft
    nft --file rules.nft
    nft list tables
    nft delete table inet bramble
    nft list tables`,
  );
  t.is(status, 0, stderr);
  t.is(stdout, "table inet other\ntable inet bramble\ntable inet other\n");
});

/** Knocks on the node at 192.168.7.11 from several addresses, and prints who came through. */
const knocking = String.raw`
unshare --net sleep 60 & outside=$!
trap 'kill "$outside"' EXIT
until [ "$(readlink /proc/$outside/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
ip link add eth0 type veth peer name eth0 netns "$outside"
ip link set lo up
ip link set eth0 up
ip address add 192.168.7.11/24 dev eth0
ip address add fd00::11/64 dev eth0 nodad
ip route add 10.42.0.0/16 dev eth0
peer() { nsenter --target "$outside" --net "$@"; }
peer ip link set lo up
peer ip link set eth0 up
for address in 192.168.7.12/24 192.168.7.99/24 10.42.1.5/32; do peer ip address add "$address" dev eth0; done
for address in fd00::12/64 fd00::99/64; do peer ip address add "$address" dev eth0 nodad; done
nft --file rules.nft
cat > serve.py <<'END'
import select, socket, sys
tcp, udp = [], []
for port in (22, 2379, 6443, 10250):
    tcp.append(socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True))
for port in (8472, 9999):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("0.0.0.0", port))
    udp.append(s)
print("ready", flush=True)
while True:
    for s in select.select(tcp + udp, [], [])[0]:
        if s in tcp: s.accept()[0].close()
        else:
            data, source = s.recvfrom(99)
            s.sendto(data, source)
END
cat > knock.py <<'END'
import socket, sys
for line in sys.stdin:
    kind, source, port = line.split()
    target = "fd00::11" if ":" in source else sys.argv[1]
    s = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    s.settimeout(2)
    s.bind((source, 0))
    try:
        s.connect((target, int(port)))
        if kind == "udp":
            s.send(b"x"); s.recv(9)
        print(kind, source, port)
    except OSError:
        pass
END
python3 serve.py > ready & server=$!
trap 'kill "$outside" "$server"' EXIT
until grep -q ready ready; do sleep 0.1; done
peer python3 knock.py 192.168.7.11 <<'END'
tcp 192.168.7.12 2379
tcp 192.168.7.12 10250
tcp 192.168.7.99 2379
tcp 192.168.7.99 10250
tcp 192.168.7.99 22
tcp 192.168.7.99 6443
tcp 10.42.1.5 10250
tcp fd00::12 10250
tcp fd00::99 10250
tcp fd00::99 22
udp 192.168.7.12 8472
udp 192.168.7.99 8472
udp 10.42.1.5 8472
udp 192.168.7.99 9999
END
echo "tcp 192.168.7.11 10250" | python3 knock.py 192.168.7.11
`;

withNetworks(
  ["ip", "nsenter", "python3"],
  "strangers reach SSH, the API server and whatever else there is, but none of the ports between nodes",
  (t) => {
    const { status, stdout, stderr } = inNetwork(t, knocking);
    t.is(status, 0, stderr);
    t.deepEqual(stdout.trim().split("\n"), [
      "tcp 192.168.7.12 2379",
      "tcp 192.168.7.12 10250",
      "tcp 192.168.7.99 22",
      "tcp 192.168.7.99 6443",
      "tcp 10.42.1.5 10250",
      "tcp fd00::12 10250",
      "tcp fd00::99 22",
      "udp 192.168.7.12 8472",
      "udp 192.168.7.99 9999",
      "tcp 192.168.7.11 10250",
    ]);
  },
);
