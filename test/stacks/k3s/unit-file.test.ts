import test from "ava";
import { renderUnit } from "../../../stacks/k3s/unit-file.ts";
import { matchesGolden } from "../../golden.ts";

for (const role of ["server", "agent"] as const)
  test(`the unit of a ${role} is as it was`, (t) => {
    matchesGolden(t, `k3s/${role}.service`, renderUnit(role));
  });
