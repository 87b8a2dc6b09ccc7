import test from "ava";
import { describeSupply } from "../../../stacks/nodes/power-supply.ts";
import { exampleFacts, exampleHealth } from "./example-report.ts";

test("a good supply, and one that nothing is known of, are not spoken of", (t) => {
  t.deepEqual(describeSupply(exampleFacts(), exampleHealth()), []);
  t.deepEqual(describeSupply(exampleFacts({ supplyMilliamps: null }), exampleHealth({ supplyWarnings: null })), []);
  t.deepEqual(describeSupply(exampleFacts({ model: "Raspberry Pi 4", supplyMilliamps: 3000 }), exampleHealth()), []);
});

test("a weak supply is named with what a Pi 5 may take, and warnings in words", (t) => {
  const words = describeSupply(
    exampleFacts({ supplyMilliamps: 3000 }),
    exampleHealth({ supplyWarnings: ["under-voltage", "usb-over-current"] }),
  );
  t.is(words.length, 3);
  t.regex(words[0] ?? "", /3000 mA.*5000 mA/);
});
