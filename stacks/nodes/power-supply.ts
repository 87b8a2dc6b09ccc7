import type { Facts, Health } from "./facts.ts";

/** What a Pi 5 asks for; with less its USB ports get 600 mA together (raspberrypi.com/documentation, power supplies). */
const wantedMilliamps = 5000;

/** What is wrong with a board's power supply, in words; empty where nothing is, or nothing is known. */
export function describeSupply(
  { model, supplyMilliamps }: Pick<Facts, "model" | "supplyMilliamps">,
  { supplyWarnings }: Pick<Health, "supplyWarnings">,
): string[] {
  const weak = model?.startsWith("Raspberry Pi 5") === true && supplyMilliamps !== null && supplyMilliamps > 0;
  return [
    ...(weak && supplyMilliamps < wantedMilliamps
      ? [`the power supply offers ${supplyMilliamps} mA, less than the ${wantedMilliamps} mA that a Pi 5 may take`]
      : []),
    ...(supplyWarnings ?? []).map((warning) =>
      warning === "under-voltage" ? "the supply's voltage is too low" : "USB devices drew too much current at boot",
    ),
  ];
}
