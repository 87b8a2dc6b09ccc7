import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { root } from "../../../stacks/root.ts";
import { Board } from "../../../workloads/probe/board.ts";

const now = 1_772_373_601_000;

/** A copy of a recorded tree, which a test may change, and the board read from it. */
function boardOf(t: ExecutionContext, tree: string) {
  const directory = mkdtempSync(join(tmpdir(), "bramble-probe-"));
  cpSync(join(root, "test", "fixtures", "sys", tree), directory, { recursive: true });
  const sys = join(directory, "sys");
  const meter = join(directory, "meter");
  mkdirSync(meter);
  const board = new Board({ proc: join(directory, "proc"), sys, cgroups: join(sys, "fs/cgroup"), meter });
  t.teardown(() => {
    board.close();
    rmSync(directory, { recursive: true });
  });
  return {
    board,
    path: (name: string) => join(directory, name),
    write: (name: string, text: string) => {
      writeFileSync(join(directory, name), text);
    },
  };
}

const memory = { total: 8255888 * 1024, available: 5364848 * 1024 };

test("a Pi 5 tells all there is", (t) => {
  const { board, write } = boardOf(t, "pi5");
  write("meter/power", `${now - 700} 6.532\n`);
  write("meter/throttled", `${now - 600} 0x50000\n`);
  t.deepEqual(board.sample(now, 5_000), {
    at: now,
    up: 5_000,
    cpu: null,
    memory,
    cgroups: {
      "pod0b1c2d3e-1111-4222-8333-444455556666": 1887436800,
      "podf4a5b6c7-aaaa-4bbb-8ccc-ddddeeeeffff": 52428800,
      "pod8c9d0e1f-2222-4333-8444-555566667777": 63963136,
      "k3s.service": 1258291200,
    },
    frequency: 2_400_000_000,
    temperature: 61.7,
    throttled: 0x50000,
    fan: 3318,
    watts: 6.532,
  });
});

test("an older kernel tells of throttling itself, where no power meter does", (t) => {
  const { board, write } = boardOf(t, "pi5-throttled");
  t.like(board.sample(now, 0), {
    frequency: 1_500_000_000,
    temperature: 85.35,
    throttled: 0xe0006,
    fan: null,
    watts: null,
  });
  write("meter/throttled", `${now} 0x0\n`);
  t.is(board.sample(now + 1_000, 1_000).throttled, 0, "the firmware's own word comes first");
  t.is(board.sample(now + 6_000, 6_000).throttled, 0xe0006, "unless it is old");
});

test("what a machine does not offer is null, and never 0", (t) => {
  const nothing = { frequency: null, temperature: null, throttled: null, fan: null, watts: null };
  t.deepEqual(boardOf(t, "bare").board.sample(now, 0), { at: now, up: 0, cpu: null, memory, cgroups: {}, ...nothing });
  t.like(boardOf(t, "cgroup-v1").board.sample(now, 0), { ...nothing, temperature: 48.2 });
});

test("a fan that stands still is 0, not null", (t) => {
  const { board, write } = boardOf(t, "pi5");
  write("sys/class/hwmon/hwmon2/fan1_input", "0\n");
  t.is(board.sample(now, 0).fan, 0);
});

test("files that are kept open are read anew each time", (t) => {
  const { board, write } = boardOf(t, "pi5");
  board.sample(now, 0);
  write("proc/stat", "cpu  723948 68654 383438 3914393 16540 0 10898 0 0 0\n");
  write("sys/class/thermal/thermal_zone0/temp", "9900\n");
  t.like(board.sample(now + 1_000, 1_000), { cpu: 0.25, temperature: 9.9 });
});

test("what a power meter said long ago is not said again", (t) => {
  const { board, write } = boardOf(t, "pi5");
  write("meter/power", `${now} 6.532\n`);
  t.is(board.sample(now + 5_000, 0).watts, 6.532);
  t.is(board.sample(now + 6_000, 1_000).watts, null);
});

test("pods and drivers that come later are found, at the latest after ten seconds; pods that end are forgotten", (t) => {
  const { board, path } = boardOf(t, "pi5");
  const pods = "sys/fs/cgroup/kubepods.slice";
  const besteffort = path(`${pods}/kubepods-besteffort.slice`);
  renameSync(besteffort, path("later"));
  renameSync(path("sys/class/hwmon/hwmon2"), path("fan"));
  const first = board.sample(now, 0);
  t.is(first.fan, null);
  t.false("pod8c9d0e1f-2222-4333-8444-555566667777" in first.cgroups);
  renameSync(path("later"), besteffort);
  renameSync(path("fan"), path("sys/class/hwmon/hwmon5"));
  rmSync(path(`${pods}/kubepods-burstable.slice`), { recursive: true });
  const second = board.sample(now + 10_000, 10_000);
  t.is(second.fan, 3318);
  t.deepEqual(Object.keys(second.cgroups).sort(), [
    "k3s.service",
    "pod0b1c2d3e-1111-4222-8333-444455556666",
    "pod8c9d0e1f-2222-4333-8444-555566667777",
  ]);
});
