import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { applyPhase, removePhase } from "../../../stacks/remote/apply-phase.ts";
import { repairReason } from "../../../stacks/remote/drift.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { onThisMachine, setUp } from "./example-phase.ts";

const timer = "apt-daily.timer";

onThisMachine("units are brought to what is wanted of them, once, and put back as they were", async (t) => {
  const { apply, phase, fake, changes } = setUp(t);
  const unit = (name: string) => readFileSync(fake(`units/${name}`), "utf8").trim();
  writeFileSync(fake(`units/${timer}`), "enabled active");
  writeFileSync(fake("units/nftables.service"), "disabled inactive");
  writeFileSync(fake("units/stranger.service"), "enabled active");
  const given = phase({
    units: [
      { name: timer, enabled: false, active: false, masked: true },
      { name: "nftables.service", enabled: true, active: true },
    ],
  });
  t.is(
    await applyPhase(given, apply),
    `pi-1 trial: disabled ${timer}; stopped ${timer}; masked ${timer}; enabled nftables.service; started nftables.service`,
  );
  const done = changes().length;
  t.is(await applyPhase(given, apply), "pi-1 trial: nothing to do");
  t.is(changes().length, done);
  await removePhase(given, apply);
  t.deepEqual(
    [unit(timer), unit("nftables.service"), unit("stranger.service"), existsSync(fake(`masks/${timer}`))],
    ["enabled active", "disabled inactive", "enabled active", false],
  );
});

onThisMachine(
  "a unit that the node does not have is off already, and wanting it on is an error that names it",
  async (t) => {
    const { apply, phase, changes } = setUp(t);
    const off = phase({ units: [{ name: timer, enabled: false, active: false }] });
    t.is(await applyPhase(off, apply), "pi-1 trial: nothing to do");
    for (const wish of [{ enabled: true }, { active: true }])
      await t.throwsAsync(applyPhase(phase({ units: [{ name: "ghost.service", ...wish }] }), apply), {
        instanceOf: UserError,
        message: /^pi-1 trial: there is no unit ghost\.service\n {2}Next: install the package that brings it/,
      });
    t.is(await removePhase(off, apply), "pi-1 trial: nothing to do");
    t.deepEqual(changes(), []);
  },
);

onThisMachine("a unit that does not stay as it was put is an error, not a success", async (t) => {
  const { apply, phase, fake } = setUp(t);
  writeFileSync(fake("units/a.service"), "static inactive");
  writeFileSync(fake("broken/a.service"), "");
  await t.throwsAsync(applyPhase(phase({ units: [{ name: "a.service", active: true }] }), apply), {
    message: /a\.service is still inactive\nActive: inactive/,
  });
  await t.throwsAsync(applyPhase(phase({ units: [{ name: "a.service", enabled: true }] }), apply), {
    message: /a\.service is still disabled/,
  });
});

onThisMachine(
  "a unit is restarted after its files, started where it was not, and its new file is read first",
  async (t) => {
    const { apply, phase, file, at, fake, changes } = setUp(t);
    writeFileSync(fake("units/k3s.service"), "disabled inactive");
    const given = (content: string) =>
      phase({
        files: [file("config.yaml", content)],
        units: [{ name: "k3s.service", enabled: true, active: true, after: [at("config.yaml")] }],
      });
    t.is(
      await applyPhase(given("1"), apply),
      "pi-1 trial: wrote config.yaml; enabled k3s.service; started k3s.service",
    );
    writeFileSync(fake("stale/k3s.service"), "");
    t.is(await applyPhase(given("2"), apply), "pi-1 trial: wrote config.yaml; restarted k3s.service");
    t.deepEqual(changes().slice(-2), ["daemon-reload", "restart k3s.service"]);
    t.is(await applyPhase(given("2"), apply), "pi-1 trial: nothing to do");
  },
);

onThisMachine(
  "a package is installed before the files, and goes with what came along and was not there before",
  async (t) => {
    const { apply, phase, file, at, fake, changes } = setUp(t);
    writeFileSync(fake("archive/nftables"), "libnftables1 libc6");
    writeFileSync(fake("archive/libnftables1"), "");
    writeFileSync(fake("packages/libc6"), "ii");
    writeFileSync(fake("conffiles/nftables"), at("nftables.conf"));
    const given = phase({
      packages: [{ name: "nftables", state: "installed" }],
      files: [file("nftables.conf", "ours")],
    });
    t.is(await applyPhase(given, apply), "pi-1 trial: installed nftables; wrote nftables.conf");
    t.is(readFileSync(at("nftables.conf"), "utf8"), "ours");
    t.is(await applyPhase(given, apply), "pi-1 trial: nothing to do");
    t.is(await removePhase(given, apply), "pi-1 trial: uninstalled nftables; restored nftables.conf");
    t.deepEqual(readdirSync(fake("packages")), ["libc6"]);
    t.false(existsSync(at("nftables.conf")), "the package's own file went with it");
    t.deepEqual(changes(), ["apt-get install nftables", "apt-get purge nftables libnftables1"]);
  },
);

onThisMachine("what others need by now stays when a package goes, and a package that was there stays", async (t) => {
  const { apply, phase, fake } = setUp(t);
  writeFileSync(fake("archive/nftables"), "libnftables1");
  writeFileSync(fake("archive/libnftables1"), "");
  writeFileSync(fake("archive/firewalld"), "libnftables1");
  writeFileSync(fake("packages/logrotate"), "ii");
  const given = phase({
    packages: [
      { name: "nftables", state: "installed" },
      { name: "logrotate", state: "installed" },
    ],
  });
  t.is(await applyPhase(given, apply), "pi-1 trial: installed nftables");
  writeFileSync(fake("packages/firewalld"), "ii");
  t.is(await removePhase(given, apply), "pi-1 trial: uninstalled nftables");
  t.deepEqual(readdirSync(fake("packages")).sort(), ["firewalld", "libnftables1", "logrotate"]);
});

onThisMachine(
  "a package that is not to be there is removed, and comes back if its source can be reached",
  async (t) => {
    const { apply, phase, fake } = setUp(t);
    const given = phase({ packages: [{ name: "unattended-upgrades", state: "absent" }] });
    const letters = () => readFileSync(fake("packages/unattended-upgrades"), "utf8").trim();
    for (const reachable of [true, false]) {
      writeFileSync(fake("packages/unattended-upgrades"), "ii");
      writeFileSync(fake("archive/unattended-upgrades"), "");
      t.is(await applyPhase(given, apply), "pi-1 trial: uninstalled unattended-upgrades");
      t.is(letters(), "rc");
      if (!reachable) rmSync(fake("archive/unattended-upgrades"));
      t.regex(
        await removePhase(given, apply),
        reachable
          ? /^pi-1 trial: reinstalled unattended-upgrades$/
          : /^pi-1 trial: kept unattended-upgrades was here before and cannot be installed again \(E: Unable to locate/,
      );
      t.is(letters(), reachable ? "ii" : "rc");
      t.false(existsSync(fake("../state/phases")));
    }
  },
);

onThisMachine("removing a package that others need is refused with their names", async (t) => {
  const { apply, phase, fake, changes } = setUp(t);
  writeFileSync(fake("packages/rsyslog"), "ii");
  writeFileSync(fake("packages/fail2ban"), "ii");
  writeFileSync(fake("archive/fail2ban"), "rsyslog");
  await t.throwsAsync(applyPhase(phase({ packages: [{ name: "rsyslog", state: "absent" }] }), apply), {
    instanceOf: UserError,
    message: /removing rsyslog would remove fail2ban as well/,
  });
  t.deepEqual(changes(), []);
});

onThisMachine(
  "old lists are fetched anew, and a node without a way to its sources is told what it needs",
  async (t) => {
    const { apply, phase, fake } = setUp(t);
    const given = phase({ packages: [{ name: "nftables", state: "installed" }] });
    await t.throwsAsync(applyPhase(given, apply), {
      instanceOf: UserError,
      message:
        /nftables cannot be installed:\n {4}E: Unable to locate package nftables\n {2}Next: give the node a way to its package sources/,
    });
    writeFileSync(fake("mirror/nftables"), "");
    t.is(await applyPhase(given, apply), "pi-1 trial: installed nftables");
  },
);

onThisMachine("a package that a power cut left half-way is finished", async (t) => {
  const { apply, phase, fake } = setUp(t);
  writeFileSync(fake("packages/nftables"), "iU\n");
  writeFileSync(fake("archive/nftables"), "");
  const given = phase({ packages: [{ name: "nftables", state: "installed" }] });
  await applyPhase(given, apply);
  t.is(readFileSync(fake("packages/nftables"), "utf8"), "ii\n");
  t.is(await applyPhase(given, apply), "pi-1 trial: nothing to do");
});

onThisMachine("labels are set where they differ, go when the configuration drops them, and others' stay", async (t) => {
  const { apply, phase, fake, changes } = setUp(t);
  mkdirSync(fake("nodes"));
  writeFileSync(fake("nodes/pi-2"), "kubernetes.io/os=linux\na.b/c=old\n");
  const labels = () => readFileSync(fake("nodes/pi-2"), "utf8").trim().split("\n").sort();
  const given = (wanted: Record<string, string>) => phase({ labels: { node: "pi-2", labels: wanted } });
  t.is(await applyPhase(given({ "a.b/c": "", disk: "nvme" }), apply), "pi-1 trial: labelled pi-2 a.b/c=, disk=nvme");
  t.deepEqual(labels(), ["a.b/c=", "disk=nvme", "kubernetes.io/os=linux"]);
  t.is(await applyPhase(given({ "a.b/c": "", disk: "nvme" }), apply), "pi-1 trial: nothing to do");
  t.is(changes().length, 1);
  t.is(await applyPhase(given({ disk: "nvme" }), apply), "pi-1 trial: took label a.b/c off pi-2");
  t.is(await applyPhase(given({}), apply), "pi-1 trial: took label disk off pi-2");
  t.deepEqual(labels(), ["kubernetes.io/os=linux"]);
  await applyPhase(given({ disk: "nvme" }), apply);
  t.is(await removePhase(given({ disk: "nvme" }), apply), "pi-1 trial: took label disk off pi-2");
  t.deepEqual(labels(), ["kubernetes.io/os=linux"]);
});

onThisMachine("labels of a cluster that is gone keep no phase from going", async (t) => {
  const { apply, phase, fake } = setUp(t);
  mkdirSync(fake("nodes"));
  writeFileSync(fake("nodes/pi-2"), "");
  const given = phase({ labels: { node: "pi-2", labels: { disk: "nvme" } } });
  await applyPhase(given, apply);
  rmSync(fake("nodes"), { recursive: true });
  t.is(await removePhase(given, apply), "pi-1 trial: kept labels of pi-2 (K3s does not answer)");
  t.false(existsSync(fake("../state/phases")));
});

onThisMachine("drift of each kind is named, repaired once, and then clean; what is not managed stays", async (t) => {
  const { apply, phase, file, at, fake, owner, reason, seenRecords } = setUp(t);
  writeFileSync(fake(`units/${timer}`), "enabled active");
  writeFileSync(fake("units/stranger.service"), "disabled inactive");
  writeFileSync(fake("archive/nftables"), "");
  mkdirSync(fake("nodes"));
  writeFileSync(fake("nodes/pi-2"), "other=label\n");
  const given = phase({
    files: [file("a.conf", "wanted")],
    directories: [{ path: at("data"), mode: "0750", owner }],
    units: [{ name: timer, enabled: false, active: false }],
    packages: [{ name: "nftables", state: "installed" }],
    labels: { node: "pi-2", labels: { "a.b/c": "x" } },
  });
  t.is(await reason(given), "not on pi-1 yet (machine m)");
  await applyPhase(given, apply);
  const drifts: [string, () => void][] = [
    [
      `${at("a.conf")} mode 0666 on pi-1`,
      () => {
        chmodSync(at("a.conf"), 0o666);
      },
    ],
    [
      `${at("a.conf")} changed on pi-1`,
      () => {
        writeFileSync(at("a.conf"), "edited");
      },
    ],
    [
      `${at("a.conf")} removed on pi-1`,
      () => {
        rmSync(at("a.conf"));
      },
    ],
    [
      `${at("data")} mode 0777 on pi-1`,
      () => {
        chmodSync(at("data"), 0o777);
      },
    ],
    [
      `${at("data")} removed on pi-1`,
      () => {
        rmSync(at("data"), { recursive: true });
      },
    ],
    [
      `${timer} enabled on pi-1`,
      () => {
        writeFileSync(fake(`units/${timer}`), "enabled inactive");
      },
    ],
    [
      `${timer} active on pi-1`,
      () => {
        writeFileSync(fake(`units/${timer}`), "disabled active");
      },
    ],
    [
      "nftables removed on pi-1",
      () => {
        rmSync(fake("packages/nftables"));
      },
    ],
    [
      "label a.b/c of pi-2 gone",
      () => {
        writeFileSync(fake("nodes/pi-2"), "other=label\n");
      },
    ],
    [
      "label a.b/c of pi-2 now y",
      () => {
        writeFileSync(fake("nodes/pi-2"), "other=label\na.b/c=y\n");
      },
    ],
  ];
  const seen = new Set<string | undefined>();
  for (const [words, drift] of [...drifts, ...drifts.slice(-1)]) {
    drift();
    const records = await seenRecords();
    const why = repairReason(given, records, "m");
    t.is(why, `${words} since ${records.trial?.applied ?? ""}`);
    t.false(seen.has(why), "no two repairs have one text");
    seen.add(why);
    await applyPhase(given, apply);
    t.is(await reason(given), undefined, words);
  }
  t.is(await applyPhase(given, apply), "pi-1 trial: nothing to do");
  t.is(readFileSync(fake("units/stranger.service"), "utf8"), "disabled inactive");
  t.regex(readFileSync(fake("nodes/pi-2"), "utf8"), /other=label/);
});

onThisMachine("where neither systemd nor dpkg nor K3s can be asked, nothing has drifted", async (t) => {
  const { apply, phase, fake, reason, seenRecords } = setUp(t);
  mkdirSync(fake("nodes"));
  writeFileSync(fake("nodes/pi-2"), "");
  const given = phase({ labels: { node: "pi-2", labels: { disk: "nvme" } } });
  await applyPhase(given, apply);
  rmSync(fake("nodes"), { recursive: true });
  t.is(await reason(given), undefined);
  t.is((await seenRecords()).trial?.labels?.present, null);
});
