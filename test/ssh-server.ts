import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import test, { type ExecutionContext, type Implementation } from "ava";
import { generateSshKey } from "./ssh-key-pair.ts";
import { debianPrograms } from "../twin/debian-programs.ts";

/** A machine that is nothing but a real sshd on a loopback port, with accounts, homes and /var/lib of its own. */
export interface SshServer {
  readonly address: string;
  readonly port: number;
  /** "ssh-ed25519 AAAA...". */
  readonly hostKey: string;
  /** Path on this machine of a path on the server. */
  path(path: string): string;
  /** Text of ~user/.ssh/authorized_keys. */
  authorizedKeys(): string;
  log(): string;
  stop(): Promise<void>;
}

export interface SshServerOptions {
  /** The account that can log in; its home is /home/<user>. */
  readonly user: string;
  readonly authorizedKeys: readonly string[];
  /** OpenSSH's PEM and the public key; without it, a new pair. */
  readonly hostKey?: { readonly privateKey: string; readonly publicKey: string };
  /** Whether `sudo -n` works for the account. */
  readonly sudo?: boolean;
  readonly configuration?: readonly string[];
}

/**
 * A test with real OpenSSH servers. They need root, for mount namespaces with accounts of their own; nothing of this machine
 * is changed. An sshd that is not installed comes out of Debian's package, unpacked into the cache.
 */
export function testWithSshServers(title: string, implementation: Implementation<[]>): void {
  const why = whyNot();
  if (why === undefined) test.serial(title, implementation);
  else test.skip(`${title} (skipped: ${why})`, implementation);
}

let reason: { why: string | undefined } | undefined;
function whyNot(): string | undefined {
  reason ??= { why: findObstacle() };
  return reason.why;
}

function findObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return "needs root";
  for (const tool of ["unshare", "ssh-agent", "ssh-keygen"])
    if (spawnSync("which", [tool]).status !== 0) return `${tool} not installed`;
  if (!existsSync("/usr/bin/python3")) return "there is no /usr/bin/python3";
  const mount = "mount -t tmpfs x /home";
  if (spawnSync("unshare", ["--mount", "--propagation", "private", "sh", "-c", mount]).status !== 0)
    return "mount namespaces are not allowed here";
  if (installedSshd() === undefined && spawnSync("which", ["apt-get"]).status !== 0) return "sshd not installed";
  return undefined;
}

function installedSshd(): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin"];
  return folders.map((folder) => join(folder, "sshd")).find((path) => existsSync(path));
}

async function findSshd(): Promise<{ sshd: string; libraries: string | undefined }> {
  const sshd = installedSshd();
  if (sshd !== undefined) return { sshd, libraries: undefined };
  const unpacked = await debianPrograms(["openssh-server", "libwrap0"], () => undefined);
  const triplet = spawnSync("dpkg-architecture", ["-qDEB_HOST_MULTIARCH"], { encoding: "utf8" }).stdout.trim();
  const machine = triplet === "" ? `${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu` : triplet;
  return { sshd: join(unpacked, "usr/sbin/sshd"), libraries: join(unpacked, "usr/lib", machine) };
}

const userId = 4001;

/** Runs in a mount namespace of its own, and becomes the server. $1: its directory, $2: its user, $3: sshd. */
const setUp = `set -eu
directory=$1 user=$2 sshd=$3
for place in /home /var/lib /run; do mount -t tmpfs -o mode=0755 machine $place; done
for name in passwd group shadow; do
  { grep -vE "^(sshd|$user):" /etc/$name; cat $directory/$name; } > $directory/whole-$name
  mount --bind $directory/whole-$name /etc/$name
done
mkdir -p /run/sshd /home/$user/.ssh /home/.bin
cp $directory/authorized_keys /home/$user/.ssh/authorized_keys
chmod 0700 /home/$user/.ssh; chmod 0600 /home/$user/.ssh/authorized_keys
chown -R $user:$user /home/$user
cp $directory/sudo /home/.bin/sudo
cp /usr/bin/env /home/.bin/as-root; chmod 4755 /home/.bin/as-root
exec $sshd -D -e -f $directory/sshd_config
`;

/** What stands in for sudo: it lets everybody, or nobody. */
const sudo = (allowed: boolean) => `#!/bin/sh
${allowed ? "" : 'echo "sudo: a password is required" >&2; exit 1'}
[ "$1" = -n ] && shift
exec /home/.bin/as-root "$@"
`;

export async function startSshServer(t: ExecutionContext, options: SshServerOptions): Promise<SshServer> {
  const { user, authorizedKeys, configuration = [] } = options;
  const { sshd, libraries } = await findSshd();
  const directory = mkdtempSync(join(tmpdir(), "bramble-sshd-"));
  chmodSync(directory, 0o755);
  const hostKey = options.hostKey ?? generateSshKey("host");
  const port = await freePort();
  const write = (name: string, text: string, mode: number) => {
    writeFileSync(join(directory, name), text, { mode });
  };
  write(
    "passwd",
    `sshd:x:4000:65534::/run/sshd:/usr/sbin/nologin\n${user}:x:${userId}:${userId}::/home/${user}:/bin/sh\n`,
    0o644,
  );
  write("group", `${user}:x:${userId}:\n`, 0o644);
  write("shadow", `sshd:*:19000:0:99999:7:::\n${user}:*:19000:0:99999:7:::\n`, 0o600);
  write("authorized_keys", authorizedKeys.map((key) => `${key}\n`).join(""), 0o600);
  write("host_key", `${hostKey.privateKey.trimEnd()}\n`, 0o600);
  write("sudo", sudo(options.sudo ?? true), 0o755);
  write(
    "sshd_config",
    [
      "ListenAddress 127.0.0.1",
      `Port ${port}`,
      `HostKey ${directory}/host_key`,
      "PidFile none",
      "PasswordAuthentication no",
      "SetEnv PATH=/home/.bin:/usr/bin:/bin",
      ...configuration,
      "",
    ].join("\n"),
    0o600,
  );
  write("set-up", setUp, 0o755);
  const child = spawn(
    "unshare",
    ["--mount", "--propagation", "private", "sh", join(directory, "set-up"), directory, user, sshd],
    {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, ...(libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries }) },
    },
  );
  let log = "";
  child.stderr.on("data", (data: Buffer) => (log += data.toString()));
  const ended = new Promise<void>((resolve) =>
    child.on("close", () => {
      resolve();
    }),
  );
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
  };
  t.teardown(async () => {
    await stop();
    rmSync(directory, { recursive: true });
  });
  while (!log.includes("Server listening")) {
    if (child.exitCode !== null) throw new Error(`sshd did not start:\n${log}`);
    await sleep(20);
  }
  const path = (there: string) => `/proc/${child.pid ?? 0}/root${there}`;
  return {
    address: "127.0.0.1",
    port,
    hostKey: hostKey.publicKey.split(" ").slice(0, 2).join(" "),
    path,
    authorizedKeys: () => readFileSync(path(`/home/${user}/.ssh/authorized_keys`), "utf8"),
    log: () => log,
    stop,
  };
}

/** A port of this machine that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
