import { bundle } from "./lib/bundle/command.ts";
import { runMain } from "./lib/main.ts";

await runMain((session) => bundle(process.argv.slice(2), session));
