import { restore } from "./lib/backup/restore-command.ts";
import { runMain } from "./lib/main.ts";

await runMain((session) => restore(process.argv.slice(2), session));
