import { textFile } from "../../remote/phase.ts";
import { header, type PhasePart } from "./part.ts";

/** sshd takes the first value that it meets (sshd_config(5)): this sorts before cloud-init's 50-cloud-init.conf. */
const file = "/etc/ssh/sshd_config.d/10-bramble-sshd.conf";

const reload = "systemctl try-reload-or-restart ssh.service";

/** Keys only. sshd takes the settings up only after its own test of them; what does not pass is taken away at once. */
export function sshd(): PhasePart {
  return {
    files: [textFile(file, text)],
    steps: [
      {
        title: "reloaded sshd",
        // Left there, it could keep sshd from starting at the next boot.
        run: ["sh", "-c", `sshd -t || { rm -f ${file}; exit 1; }; ${reload}`],
        after: [file],
        limit: 60,
      },
      {
        title: "made sure that sshd takes keys only",
        check: ["sh", "-c", "sshd -T | grep -qx 'passwordauthentication no'"],
        run: ["sh", "-c", `echo '${notRead}' && false`],
        limit: 60,
      },
    ],
    afterRemoval: [{ title: "reloaded sshd", run: ["sh", "-c", `sshd -t && ${reload}`], limit: 60 }],
  };
}

const notRead =
  "passwords still count: the first line of /etc/ssh/sshd_config must be Include /etc/ssh/sshd_config.d/*.conf";

const text = `${header}PasswordAuthentication no
KbdInteractiveAuthentication no
PermitEmptyPasswords no
# Keys may still log in as root: an adopted node may have no other account.
PermitRootLogin prohibit-password
# The default, kept: each key that is offered counts as a try, and during a rotation there are several.
MaxAuthTries 6
X11Forwarding no
`;
