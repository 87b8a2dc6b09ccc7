import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ExecutionContext } from "ava";

/** What lies where on a made-up machine: text, bytes, `exec` for a program's text, `link` for a symbolic link's target. */
export type Tree = Readonly<Record<string, string | Buffer | { exec: string } | { link: string }>>;

/** A directory that holds a tree, for as long as the test lasts. */
export function plant(t: ExecutionContext, ...trees: readonly Tree[]): string {
  const root = mkdtempSync(join(tmpdir(), "bramble-board-"));
  t.teardown(() => {
    rmSync(root, { recursive: true });
  });
  for (const [path, content] of Object.entries(Object.assign({}, ...trees) as Tree)) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    if (typeof content === "string" || Buffer.isBuffer(content)) writeFileSync(file, content);
    else if ("link" in content) symlinkSync(join(root, content.link), file);
    else {
      writeFileSync(file, `#!/bin/sh\n${content.exec}\n`);
      chmodSync(file, 0o755);
    }
  }
  return root;
}

/** One cell of a device tree. */
export function cell(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** `systemctl show` for two units as it prints them: those named are loaded, in that state. */
export function systemctl(states: Readonly<Record<string, string>>): { exec: string } {
  const blocks = ["k3s.service", "k3s-agent.service"].map((unit) =>
    unit in states
      ? `Id=${unit}\nNRestarts=0\nLoadState=loaded\nActiveState=${states[unit] ?? ""}`
      : `Id=${unit}\nNRestarts=0\nLoadState=not-found\nActiveState=inactive`,
  );
  return { exec: `printf '%s\\n' '${blocks.join("\n\n")}'` };
}

/** Raspberry Pi OS on a Pi 5 that boots from its SD card; the figures are those of one that people published. */
export const raspberryPi5: Tree = {
  "/etc/machine-id": "1f2e3d4c5b6a\n",
  "/proc/device-tree/serial-number": "10000000aabbccdd\0",
  "/proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
  "/proc/device-tree/chosen/bootloader/build-timestamp": cell(1_746_713_597),
  "/proc/device-tree/chosen/power/max_current": cell(5000),
  "/proc/device-tree/chosen/power/usb_over_current_detected": cell(0),
  "/proc/meminfo": "MemTotal:        8256192 kB\nMemFree:         7123456 kB\n",
  "/proc/mounts":
    "/dev/mmcblk0p2 / ext4 rw,noatime 0 0\nproc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n",
  "/proc/self/mountinfo": "22 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw\n",
  "/sys/dev/block/179:2": {
    link: "/sys/devices/platform/axi/1000fff000.mmc/mmc_host/mmc0/mmc0:aaaa/block/mmcblk0/mmcblk0p2",
  },
  "/sys/devices/platform/axi/1000fff000.mmc/mmc_host/mmc0/mmc0:aaaa/block/mmcblk0/mmcblk0p2/partition": "2\n",
  "/sys/block/mmcblk0/device/type": "SD\n",
  "/sys/class/hwmon/hwmon1/name": "rpi_volt\n",
  "/sys/class/hwmon/hwmon1/in0_lcrit_alarm": "0\n",
  "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory hugetlb pids rdma misc\n",
  "/proc/sys/kernel/random/boot_id": "b1d5f9c4-0000-4000-8000-000000000000\n",
  "/proc/1/stat": `1 (systemd) S ${Array.from({ length: 18 }, () => "0").join(" ")} 42 0 0\n`,
  "/run/cloud-init/result.json": "{}",
  "/usr/bin/systemd-detect-virt": { exec: "echo none; exit 1" },
  "/usr/bin/systemctl": systemctl({ "k3s.service": "active" }),
  "/usr/bin/vcgencmd": {
    exec: `case $1 in
get_throttled) echo throttled=0x50000 ;;
bootloader_config) printf '[all]\\nBOOT_UART=1\\nBOOT_ORDER=0xF461\\n' ;;
bootloader_version) printf '2025/05/08 15:13:17\\nversion 69471177\\ntimestamp 1746713597\\n' ;;
esac`,
  },
};
