import { join } from "node:path";
import test from "ava";
import fc from "fast-check";
import { root } from "../../../stacks/root.ts";
import { findCgroups, podKey } from "../../../workloads/probe/cgroups.ts";
import { plant } from "../../stacks/nodes/board.ts";

const found = (tree: string) => {
  const cgroups = join(root, "test", "fixtures", "sys", tree, "sys", "fs", "cgroup");
  return Object.fromEntries([...findCgroups(cgroups)].map(([key, path]) => [key, path.slice(cgroups.length + 1)]));
};

test("a pod's key is its uid, with either of the kubelet's drivers and in each class", (t) => {
  fc.assert(
    fc.property(fc.uuid(), (uid) => {
      t.is(podKey(`pod${uid}`), `pod${uid}`);
      for (const parent of ["kubepods", "kubepods-burstable", "kubepods-besteffort"])
        t.is(podKey(`${parent}-pod${uid.replaceAll("-", "_")}.slice`), `pod${uid}`);
    }),
  );
});

test("classes, containers and what others made are no pods", (t) => {
  const others = [
    "burstable",
    "kubepods-burstable.slice",
    "cri-containerd-0f1e.scope",
    "podman",
    "user-pod12.slice",
    "pod",
  ];
  for (const name of others) t.is(podKey(name), undefined, name);
});

test("pods and K3s are found under version 2, with the systemd driver", (t) => {
  const slice = "kubepods.slice/kubepods-burstable.slice/kubepods-burstable";
  t.deepEqual(found("pi5"), {
    "pod0b1c2d3e-1111-4222-8333-444455556666":
      "kubepods.slice/kubepods-pod0b1c2d3e_1111_4222_8333_444455556666.slice/memory.current",
    "podf4a5b6c7-aaaa-4bbb-8ccc-ddddeeeeffff": `${slice}-podf4a5b6c7_aaaa_4bbb_8ccc_ddddeeeeffff.slice/memory.current`,
    "pod8c9d0e1f-2222-4333-8444-555566667777":
      "kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod8c9d0e1f_2222_4333_8444_555566667777.slice/memory.current",
    "k3s.service": "system.slice/k3s.service/memory.current",
  });
});

test("they are found with the cgroupfs driver", (t) => {
  t.deepEqual(found("pi5-throttled"), {
    "pod0b1c2d3e-1111-4222-8333-444455556666": "kubepods/pod0b1c2d3e-1111-4222-8333-444455556666/memory.current",
    "podf4a5b6c7-aaaa-4bbb-8ccc-ddddeeeeffff":
      "kubepods/burstable/podf4a5b6c7-aaaa-4bbb-8ccc-ddddeeeeffff/memory.current",
    "k3s-agent.service": "system.slice/k3s-agent.service/memory.current",
  });
});

test("they are found under version 1, also on a hybrid machine, static pods too", (t) => {
  t.deepEqual(found("cgroup-v1"), {
    "podf4a5b6c7-aaaa-4bbb-8ccc-ddddeeeeffff":
      "memory/kubepods/burstable/podf4a5b6c7-aaaa-4bbb-8ccc-ddddeeeeffff/memory.usage_in_bytes",
    pod9d8c7b6a5f4e3d2c1b0a9988776655ff:
      "memory/kubepods/besteffort/pod9d8c7b6a5f4e3d2c1b0a9988776655ff/memory.usage_in_bytes",
    "k3s.service": "memory/system.slice/k3s.service/memory.usage_in_bytes",
  });
});

test("a kernel that counts no memory, as a Pi's without cgroup_enable=memory, has none to tell", (t) => {
  const machine = plant(t, {
    "cgroup.controllers": "cpuset cpu io pids\n",
    "kubepods.slice/kubepods-pod12_34.slice/cpu.stat": "usage_usec 1\n",
  });
  t.is(findCgroups(machine).size, 0);
  t.is(findCgroups(join(machine, "nowhere")).size, 0);
});
