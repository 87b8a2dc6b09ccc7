import { adopt } from "./lib/adopt/command.ts";
import { runMain } from "./lib/main.ts";

await runMain((session) => adopt(process.argv.slice(2), session));
