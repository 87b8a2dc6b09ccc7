import { flash } from "./lib/flash/command.ts";
import { runMain } from "./lib/main.ts";

await runMain((session) => flash(process.argv.slice(2), session));
