import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { authorityDigest } from "../../../stacks/nodes/cluster-authority.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { applyPhase } from "../../../stacks/remote/apply-phase.ts";
import { repairReason } from "../../../stacks/remote/drift.ts";
import { textBlock, textFile, type Phase } from "../../../stacks/remote/phase.ts";
import { testWithTools } from "../../with-tools.ts";
import { exampleRootSecret, exampleSite } from "../keys/example.ts";
import { exampleNode } from "../remote/run-python.ts";
import { cell, raspberryPi5, systemctl, type Tree } from "./board.ts";
import { probe, probeBoard } from "./probe-board.ts";

const onThisMachine = (title: string, run: (t: ExecutionContext) => Promise<void>) => {
  testWithTools(["python3"], title, run);
};

onThisMachine("a machine's facts are read, and what it does not have is null", async (t) => {
  const { records } = exampleNode(t);
  const { facts, health, stamp, records: seen } = await probe(records);
  t.true((facts.memoryMegabytes ?? 0) > 100);
  t.true(facts.pageSize >= 4096);
  t.truthy(facts.architecture);
  t.truthy(facts.kernel);
  t.true(health.clock > 1.7e9);
  t.is(stamp, null);
  t.deepEqual(seen, {});
});

onThisMachine("a card's stamp is handed over as it is, and a broken one is none", async (t) => {
  const { records, directory } = exampleNode(t);
  const file = join(directory, "bramble.json");
  writeFileSync(file, '{"node": "pi-1"}');
  t.deepEqual((await probe(records, file)).stamp, { node: "pi-1" });
  writeFileSync(file, '{"node": ');
  t.is((await probe(records, file)).stamp, null);
});

onThisMachine("each way to change a file by hand is seen, repaired once, and seen again when done again", async (t) => {
  const { apply, records, directory, owner } = exampleNode(t);
  const [file, block] = [join(directory, "a.conf"), join(directory, "hosts")];
  writeFileSync(block, "127.0.0.1 localhost\n");
  const phase: Phase = {
    node: "pi-1",
    name: "trial",
    files: [textFile(file, "wanted", { mode: "0600", owner }), textBlock(block, "10.0.0.1 pi-1\n")],
    directories: [],
    steps: [],
    removal: [],
  };
  const reason = async () => repairReason(phase, (await probe(records)).records, "m");
  t.is(await reason(), "not on pi-1 yet (machine m)");
  await applyPhase(phase, apply);
  const edits: (() => void)[] = [
    () => {
      writeFileSync(file, "edited");
    },
    () => {
      chmodSync(file, 0o644);
    },
    () => {
      writeFileSync(block, readFileSync(block, "utf8").replace("10.0.0.1", "10.0.0.2"));
    },
  ];
  const reasons = new Set<string | undefined>();
  for (const edit of [...edits, ...edits.slice(0, 1)]) {
    edit();
    reasons.add(await reason());
    await applyPhase(phase, apply);
    t.is(await reason(), undefined);
  }
  t.is(reasons.size, edits.length + 1);
});

onThisMachine("a record that nothing can be read from is no record", async (t) => {
  const { records } = exampleNode(t);
  mkdirSync(records);
  writeFileSync(join(records, "trial.json"), "{");
  t.deepEqual((await probe(records)).records, {});
});

onThisMachine("a Pi 5 with Raspberry Pi OS says all that it knows", async (t) => {
  const { machine, facts, health, k3s } = await probeBoard(t, raspberryPi5);
  t.is(machine, "1f2e3d4c5b6a");
  t.like(facts, {
    serial: "10000000aabbccdd",
    model: "Raspberry Pi 5 Model B Rev 1.0",
    memoryMegabytes: 8062,
    cgroup: {
      version: 2,
      memory: true,
      controllers: ["cpu", "cpuset", "hugetlb", "io", "memory", "misc", "pids", "rdma"],
    },
    bootDisk: "/dev/mmcblk0p2",
    bootDiskKind: "sd",
    eepromDate: "2025-05-08",
    bootOrder: "0xf461",
    supplyMilliamps: 5000,
    clusterAuthority: null,
    virtualization: "none",
  });
  t.like(health, {
    boot: "b1d5f9c4-0000-4000-8000-000000000000.42",
    throttled: 0x50000,
    supplyWarnings: [],
    booted: true,
    rebootNeeded: [],
  });
  t.like(k3s, { role: "server", unit: "active", restarts: 0, journal: [], hasData: false });
});

onThisMachine(
  "Ubuntu on an NVMe disk without a memory controller, on an old boot loader and a weak supply",
  async (t) => {
    const disk = "/sys/devices/platform/axi/1000110000.pcie/pci0001:00/0001:01:00.0/nvme/nvme0/nvme0n1/nvme0n1p2";
    const board = Object.fromEntries(
      Object.entries(raspberryPi5).filter(([path]) => !path.endsWith("build-timestamp")),
    );
    const { facts, health, k3s } = await probeBoard(t, board, {
      // As without an initial RAM disk: the device is not named.
      "/proc/mounts": "/dev/root / ext4 rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n",
      "/proc/self/mountinfo": "22 1 259:2 / / rw shared:1 - ext4 /dev/root rw\n",
      "/sys/dev/block/259:2": { link: disk },
      [`${disk}/partition`]: "2\n",
      "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io pids\n",
      // What /proc/cgroups would say all the same.
      "/proc/cgroups": "#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t0\t90\t1\n",
      "/proc/device-tree/chosen/power/max_current": cell(3000),
      "/proc/device-tree/chosen/power/usb_over_current_detected": cell(1),
      "/sys/class/hwmon/hwmon1/in0_lcrit_alarm": "1\n",
      "/usr/bin/systemctl": systemctl({ "k3s-agent.service": "activating" }),
      "/run/bramble/reboot-needed": "firmware settings changed\n",
    });
    t.deepEqual(facts.cgroup, { version: 2, memory: false, controllers: ["cpu", "cpuset", "io", "pids"] });
    t.is(facts.bootDisk, "/dev/nvme0n1p2");
    t.is(facts.bootDiskKind, "nvme");
    t.is(facts.eepromDate, "2025-05-08", "from vcgencmd");
    t.is(facts.supplyMilliamps, 3000);
    t.deepEqual(health.supplyWarnings, ["under-voltage", "usb-over-current"]);
    t.like(k3s, { role: "agent", unit: "activating" });
    t.deepEqual(health.rebootNeeded, ["firmware settings changed"]);
  },
);

onThisMachine("cgroup v1: controllers are those of the mounted hierarchies", async (t) => {
  const mounts = (controllers: readonly string[]) =>
    controllers.map((names) => `cgroup /sys/fs/cgroup/${names} cgroup rw,nosuid,${names} 0 0\n`).join("");
  const cgroup = async (controllers: readonly string[]) =>
    (await probeBoard(t, { "/proc/mounts": mounts(controllers) })).facts.cgroup;
  t.deepEqual(await cgroup(["cpu,cpuacct", "memory", "name=systemd"]), {
    version: 1,
    memory: true,
    controllers: ["cpu", "cpuacct", "memory"],
  });
  t.deepEqual(await cgroup(["cpu,cpuacct"]), { version: 1, memory: false, controllers: ["cpu", "cpuacct"] });
  t.is(await cgroup([]), null);
});

onThisMachine("a container on USB has no firmware to ask; what is missing is null", async (t) => {
  const disk = "/sys/devices/platform/axi/1000120000.pcie/usb2/2-1/2-1:1.0/host0/block/sda/sda1";
  const { facts, health } = await probeBoard(t, {
    "/proc/mounts": "/dev/sda1 / ext4 rw 0 0\n",
    "/proc/self/mountinfo": "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n",
    "/sys/dev/block/8:1": { link: disk },
    [`${disk}/partition`]: "1\n",
    "/usr/bin/systemd-detect-virt": { exec: "echo systemd-nspawn" },
  });
  t.is(facts.bootDiskKind, "usb");
  t.is(facts.virtualization, "systemd-nspawn");
  t.like(facts, { serial: null, model: null, memoryMegabytes: null, cgroup: null, eepromDate: null, bootOrder: null });
  t.like(facts, { supplyMilliamps: null, clusterAuthority: null });
  t.like(health, { throttled: null, supplyWarnings: null, booted: null, boot: null });
});

onThisMachine("the cluster that a node is in is known by the certificate, on servers and on agents", async (t) => {
  const { certificate } = deriveSiteKeys(exampleRootSecret, exampleSite()).authorities["server-ca"];
  for (const path of ["server/tls/server-ca.crt", "agent/server-ca.crt"]) {
    const { facts } = await probeBoard(t, { [`/var/lib/rancher/k3s/${path}`]: `${certificate}\n` });
    t.is(facts.clusterAuthority, authorityDigest(certificate));
  }
});

onThisMachine("a boot is another one when the kernel or, in a container, its first process is", async (t) => {
  const boot = async (changes: Tree) => (await probeBoard(t, raspberryPi5, changes)).health.boot;
  const stat = (start: number) => `1 (a) b) S ${Array.from({ length: 18 }, () => "0").join(" ")} ${start} 0\n`;
  const boots = [await boot({}), await boot({ "/proc/1/stat": stat(43) })];
  boots.push(await boot({ "/proc/sys/kernel/random/boot_id": "c2\n" }));
  t.is(new Set(boots).size, 3);
});

onThisMachine("programs that fail or hang about are nulls, not an end", async (t) => {
  const { facts, health, k3s } = await probeBoard(t, raspberryPi5, {
    "/usr/bin/vcgencmd": { exec: "echo VCHI initialization failed; exit 255" },
    "/usr/bin/systemctl": { exec: "exit 1" },
  });
  t.like(health, { throttled: null });
  t.is(k3s.unit, null);
  t.is(facts.bootOrder, null);
});
