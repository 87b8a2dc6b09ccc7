import test from "ava";
import { proxyEnvironmentPath } from "../../../stacks/k3s/proxy-environment.ts";
import { renderUnit } from "../../../stacks/k3s/unit-file.ts";
import { matchesGolden } from "../../golden.ts";

for (const role of ["server", "agent"] as const) {
  test(`the unit of a ${role} is as it was`, (t) => {
    matchesGolden(t, `k3s/${role}.service`, renderUnit(role));
  });
  test(`the unit of a ${role} starts without a proxy's environment, and reads it where it is`, (t) => {
    t.true(renderUnit(role).includes(`\nEnvironmentFile=-${proxyEnvironmentPath}\n`));
  });
}
