import { z } from "zod";

const fanStep = z.strictObject({
  celsius: z.int().min(20).max(90).describe("from this temperature on"),
  speed: z.int().min(0).max(255).describe("of 255"),
});

/** Settings of a board's firmware, each left alone unless asked for. */
export const firmware = z.strictObject({
  fan: z
    .array(fanStep)
    .min(1)
    .max(4)
    .refine(
      (steps) => steps.every(({ celsius }, index) => celsius > (steps[index - 1]?.celsius ?? 0)),
      "must rise in temperature from step to step",
    )
    .optional()
    .describe("the fan's curve, at most four steps"),
  pcieGeneration: z
    .union([z.literal(2), z.literal(3)])
    .optional()
    .describe("of the PCIe connector; 3 is beyond what the Pi 5 is certified for"),
  pageSize: z
    .union([z.literal(4096), z.literal(16384)])
    .optional()
    .describe("bytes of the kernel's pages; some container images crash on the Pi 5's default of 16384"),
});
export type Firmware = z.infer<typeof firmware>;
