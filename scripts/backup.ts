import { backup } from "./lib/backup/command.ts";
import { runMain } from "./lib/main.ts";

await runMain((session) => backup(process.argv.slice(2), session));
