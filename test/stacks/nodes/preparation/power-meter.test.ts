import test from "ava";
import { stringify } from "yaml";
import { phaseOf } from "../../../../stacks/nodes/preparation/part.ts";
import { powerMeter } from "../../../../stacks/nodes/preparation/power-meter.ts";
import { phaseSchema } from "../../../../stacks/remote/phase.ts";
import { renderProbe } from "../../../../workloads/probe/daemon-set.ts";
import { matchesGolden } from "../../../golden.ts";

const phase = phaseOf("pi-1", "power-meter", [powerMeter()]);

test("what the power meter puts on a node is as it was", (t) => {
  matchesGolden(t, "nodes/power-meter.yaml", stringify(phase, { lineWidth: 0 }));
});

test("the runner takes it", (t) => {
  t.deepEqual(phaseSchema.parse(JSON.parse(JSON.stringify(phase))), phase);
});

test("it writes where the probe's pods look, in a directory that outlives it", (t) => {
  const unit = phase.files.flatMap((file) =>
    "content" in file && file.path.endsWith(".service") ? [file.content] : [],
  );
  const files = { files: {}, digest: "d".repeat(64) };
  const { volumes } = renderProbe({ namespace: "bramble", image: "node", files }).daemonSet.spec.template.spec;
  const meter = volumes.flatMap((volume) =>
    "hostPath" in volume && volume.name === "meter" ? [volume.hostPath.path] : [],
  );
  t.deepEqual(meter, ["/run/bramble/meter"]);
  t.regex(unit.join(), /^ExecStart=\S+ \/run\/bramble\/meter$/m);
  t.regex(unit.join(), /^RuntimeDirectory=bramble\/meter\nRuntimeDirectoryPreserve=yes$/m);
});
