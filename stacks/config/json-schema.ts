import { z } from "zod";
import { experimentSchema } from "./experiment.ts";
import { siteSchema } from "./site.ts";

/** JSON Schema of a Pulumi.<stack>.yaml file, for editors. stacks/config/schema.json is this text; a test holds them in step. */
export function renderJsonSchema(): string {
  const bramble = z.object({
    config: z.looseObject({
      "bramble:site": siteSchema.optional(),
      "bramble:experiment": experimentSchema.optional(),
      "bramble:rootSecret": z
        .strictObject({ secure: z.string() })
        .optional()
        .describe("the one secret of a site that every key is derived from; set it with `pulumi config set --secret`"),
      "bramble:wifiPassword": z
        .strictObject({ secure: z.string() })
        .optional()
        .describe("the password of network.wifi; set it with `pulumi config set --secret`"),
    }),
  });
  return `${JSON.stringify(z.toJSONSchema(z.looseObject(bramble.shape), { io: "input" }), undefined, 2)}\n`;
}
