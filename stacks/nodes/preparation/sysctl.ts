import { textFile } from "../../remote/phase.ts";
import { header, type PhasePart } from "./part.ts";

const file = "/etc/sysctl.d/90-bramble-sysctl.conf";

/** Kernel settings for K3s. */
export function sysctl(): PhasePart {
  return {
    files: [textFile(file, text)],
    steps: [
      {
        title: "applied sysctl settings",
        // Not `sysctl --load`: the unit's own conditions leave read-only kernels (containers) alone.
        run: ["systemctl", "restart", "systemd-sysctl.service"],
        after: [file],
        limit: 60,
      },
    ],
  };
}

// A dash before a setting: where it cannot be written (a container's kernel is its host's), that is no error (sysctl.d(5)).
// IPv6 forwarding is K3s's own business: switched on here, it would end router advertisements (kernel, ip-sysctl, accept_ra).
const text = `${header}# Containers' log and config watchers run out of the kernel's defaults (128 instances) at about 30 pods.
fs.inotify.max_user_instances = 1024
fs.inotify.max_user_watches = 524288
net.ipv4.ip_forward = 1
# What the kubelet asks of its kernel (docs.k3s.io, CIS hardening guide): after a panic the board starts again by itself.
-vm.panic_on_oom = 0
-vm.overcommit_memory = 1
-kernel.panic = 10
-kernel.panic_on_oops = 1
`;
