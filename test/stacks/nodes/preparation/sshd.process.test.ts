import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { sshd } from "../../../../stacks/nodes/preparation/sshd.ts";
import { plant } from "../board.ts";
import { testWithTools } from "../../../with-tools.ts";

const dropIn = "/etc/ssh/sshd_config.d/10-bramble-sshd.conf";

/** The step's command on a machine below a directory, whose sshd reads the files there and whose systemctl only notes. */
function machine(t: ExecutionContext, extra: string) {
  const root = plant(t, {
    "/log": "",
    "/etc/ssh/sshd_config.d/50-cloud-init.conf": "PasswordAuthentication yes\n",
    "/bin/systemctl": { exec: 'echo "$*" >>"$(dirname "$0")/../log"' },
  });
  const [file] = sshd().files ?? [];
  if (file === undefined || !("content" in file)) throw new Error("no drop-in");
  writeFileSync(join(root, dropIn), file.content + extra);
  const config = join(root, "sshd_config");
  writeFileSync(config, `Include ${root}/etc/ssh/sshd_config.d/*.conf\nHostKey ${root}/key\n`);
  spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(root, "key")]);
  const sh = (text: string | undefined) =>
    spawnSync(
      "sh",
      ["-c", (text ?? "false").replaceAll("/etc/", `${root}/etc/`).replace(/sshd (-[tT])/, `sshd $1 -f ${config}`)],
      { encoding: "utf8", env: { PATH: `${root}/bin:${process.env.PATH ?? ""}:/usr/sbin` } },
    );
  return { root, sh, installed: () => existsSync(join(root, dropIn)) };
}
const [reload, assertion] = sshd().steps ?? [];
// sshd tests nothing without that directory, which is there while it runs.
const missing = existsSync("/run/sshd") ? [] : ["a running sshd"];

testWithTools(["ssh-keygen", "sshd", ...missing], "sshd takes the drop-in, and it counts before cloud-init's", (t) => {
  const { root, sh, installed } = machine(t, "");
  const { status, stderr } = sh(reload?.run[2]);
  t.is(status, 0, stderr);
  t.true(installed());
  t.is(readFileSync(join(root, "log"), "utf8"), "try-reload-or-restart ssh.service\n");
  t.is(sh(assertion?.check?.[2]).status, 0);
});

testWithTools(
  ["ssh-keygen", "sshd", ...missing],
  "what sshd does not take is taken away, and sshd not reloaded",
  (t) => {
    const { root, sh, installed } = machine(t, "NoSuchSetting yes\n");
    const { status, stderr } = sh(reload?.run[2]);
    t.not(status, 0);
    t.regex(stderr, /NoSuchSetting/i);
    t.is(readFileSync(join(root, "log"), "utf8"), "");
    t.false(installed());
    t.not(sh(assertion?.check?.[2]).status, 0);
  },
);
