import test from "ava";
import fc from "fast-check";
import { editCommandLine } from "../../../stacks/cards/command-line.ts";

const raspberryPiOs =
  "console=serial0,115200 console=tty1 root=PARTUUID=53ab21e3-02 rootfstype=ext4 fsck.repair=yes rootwait";

test("an image's line keeps its parameters and gains ours", (t) => {
  t.is(
    editCommandLine(`${raspberryPiOs}\n`, { instanceId: "barn-pi-1-1" }),
    `${raspberryPiOs} cgroup_enable=memory ds=nocloud;i=barn-pi-1-1\n`,
  );
});

test("older ones of ours are replaced, and what undoes them goes", (t) => {
  const older =
    "ds=nocloud;i=rpi-imager-17 cgroup_disable=memory quiet cgroup_enable=memory ds=nocloud cgroup_enable=cpuset";
  t.is(
    editCommandLine(older, { instanceId: "barn-pi-1-2" }),
    "quiet cgroup_enable=cpuset cgroup_enable=memory ds=nocloud;i=barn-pi-1-2\n",
  );
});

test("a node with Wi-Fi names its country, once", (t) => {
  const wifi = { instanceId: "barn-pi-1-1", country: "GB" };
  const edited = "quiet cgroup_enable=memory cfg80211.ieee80211_regdom=GB ds=nocloud;i=barn-pi-1-1\n";
  t.is(editCommandLine("quiet", wifi), edited);
  t.is(editCommandLine("cfg80211.ieee80211_regdom=DE quiet", wifi), edited);
});

test("quoted parameters stay whole", (t) => {
  const quoted = 'dyndbg="file a.c +p ds=x" quiet';
  t.is(editCommandLine(quoted, { instanceId: "i-1" }), `${quoted} cgroup_enable=memory ds=nocloud;i=i-1\n`);
});

test("only the first line was ever in effect", (t) => {
  t.is(
    editCommandLine("\r\nquiet\r\nsplash\r\n", { instanceId: "i-1" }),
    "quiet cgroup_enable=memory ds=nocloud;i=i-1\n",
  );
  t.is(editCommandLine("", { instanceId: "i-1" }), "cgroup_enable=memory ds=nocloud;i=i-1\n");
});

test("any text gives one line with ours once, and editing it again changes nothing", (t) => {
  const parameter = fc.oneof(
    fc.constantFrom("cgroup_enable=memory", "cgroup_disable=memory", "ds=nocloud;i=old", "quiet", 'a="b c"', '"'),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(parameter), fc.constantFrom(" ", "  ", "\t", "\n"), (parameters, separator) => {
      const edited = editCommandLine(parameters.join(separator), { instanceId: "barn-pi-1-1" });
      t.regex(edited, /^[^\r\n]*\n$/);
      t.true(edited.endsWith("cgroup_enable=memory ds=nocloud;i=barn-pi-1-1\n"));
      t.is(editCommandLine(edited, { instanceId: "barn-pi-1-1" }), edited);
    }),
  );
});

test("parameters that are not ours keep their order", (t) => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-z.]{1,8}(=[\w,-]{0,8})?$/)), (parameters) => {
      fc.pre(parameters.every((parameter) => !/^(ds=|cgroup_)/.test(parameter)));
      const kept = editCommandLine(parameters.join(" "), { instanceId: "i-1" }).trimEnd().split(" ").slice(0, -2);
      t.deepEqual(kept, parameters);
    }),
  );
});
