import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { ExecutionContext } from "ava";
import type { Endpoint } from "../../../stacks/remote/endpoint.ts";
import { root } from "../../../stacks/root.ts";
import { plant } from "../nodes/board.ts";

/** Logs in where there is a directory of the address, and runs commands there; without it the machine is off. */
const ssh = `here=$(cd "$(dirname "$0")/.." && pwd)
for word; do
  case "$last" in -S) socket=$word ;; -E) log=$word ;; -F) config=$word ;; -O) control=$word ;; esac
  last=$word
done
case "$control" in
check) [ -e "$socket" ]; exit ;;
exit) rm -f "$socket"; exit ;;
esac
if [ "$config" != /dev/null ]; then
  address=$(sed -n 's/^ *HostName //p' "$config" | head -n 1)
  [ -d "$here/$address" ] || { echo "ssh: connect to host $address port 22: No route to host" >"$log"; exit 255; }
  echo "$address" >"$socket"
  exit
fi
address=$(cat "$socket")
if [ -e "$here/$address/breaks" ]; then
  case "$last" in *python3*) mv "$here/$address" "$here/$address-off"; rm "$socket"; echo "broken pipe" >&2; exit 255 ;; esac
fi
FAKE_NODE=$here/$address PATH=$here/tools:$PATH exec sh -c "$(echo "$last" | sed 's#/usr/local/bin/k3s#k3s#g')"`;

/** Records lie below the server's own directory instead of on this machine. */
const python = `sed "s#/var/lib/bramble/phases#$FAKE_NODE/state/phases#g" | exec PYTHON "$@"`;

/** Servers of one cluster, each with a disk and a fake kubectl, behind a fake ssh; `stacks` programs run against them. */
export function fakeServers(t: ExecutionContext, servers: readonly Endpoint[]) {
  const { stdout } = spawnSync("sh", ["-c", "command -v python3"], { encoding: "utf8" });
  const directory = plant(t, {
    "/bin/ssh": { exec: ssh },
    "/tools/python3": { exec: python.replace("PYTHON", stdout.trim()) },
    "/tools/sudo": { exec: 'shift; exec "$@"' },
    "/log": "",
  });
  mkdirSync(join(directory, "cluster"));
  const of = ({ address }: Endpoint) => join(directory, address);
  for (const server of servers) {
    mkdirSync(of(server));
    symlinkSync(join(directory, "cluster"), join(of(server), "nodes"));
  }
  const move = (from: string, to: string) => {
    renameSync(from, to);
  };
  return {
    /** A step that notes on which server it was done. */
    noting: (title: string) => ({
      title,
      run: ["sh", "-c", `echo ${title} on $(basename $FAKE_NODE) >> ${join(directory, "log")}`],
      limit: 10,
    }),
    log: () => readFileSync(join(directory, "log"), "utf8").split("\n").slice(0, -1),
    off: (server: Endpoint) => {
      move(of(server), `${of(server)}-off`);
    },
    on: (server: Endpoint) => {
      move(`${of(server)}-off`, of(server));
    },
    /** It goes off as soon as a program of ours is to run there. */
    breakUnder: (server: Endpoint) => {
      writeFileSync(join(of(server), "breaks"), "");
    },
    silence: (server: Endpoint) => {
      move(join(of(server), "nodes"), join(of(server), "nodes-silent"));
    },
    setNode: (name: string, ...lines: string[]) => {
      writeFileSync(join(directory, "cluster", name), lines.map((line) => `${line}\n`).join(""));
    },
    linesOf: (name: string) =>
      readFileSync(join(directory, "cluster", name), "utf8")
        .split("\n")
        .slice(0, -1)
        .sort(),
    hasRecord: (server: Endpoint, phase: string) => existsSync(join(of(server), "state/phases", `${phase}.json`)),
    run: (argv: readonly string[], input: unknown) =>
      spawnSync(process.execPath, [...argv], {
        cwd: join(root, "stacks"),
        input: JSON.stringify(input),
        encoding: "utf8",
        env: {
          ...process.env,
          PATH: [join(directory, "bin"), join(root, "test/fixtures/node"), process.env.PATH ?? ""].join(delimiter),
          XDG_RUNTIME_DIR: directory,
        },
      }),
  };
}
