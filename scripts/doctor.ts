import { doctor } from "./lib/doctor/command.ts";
import { runMain } from "./lib/main.ts";

await runMain(() => doctor(process.argv.slice(2)));
