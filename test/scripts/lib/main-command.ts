/** A command for main.test.ts: its argument says how it ends. */
import { parseArgs } from "node:util";
import { runMain } from "../../../scripts/lib/main.ts";
import { UserError } from "../../../stacks/user-error.ts";

await runMain(async ({ signal, defer }) => {
  const say = (line: string) => () => {
    console.log(line);
  };
  defer(say("cleaned up last"));
  defer(say("cleaned up first"));
  switch (process.argv[2]) {
    case "code":
      return 7;
    case "user-error":
      throw new UserError({ what: "is wrong", where: "here", next: "do this" });
    case "bug":
      throw new TypeError("a bug");
    case "argument":
      parseArgs({ args: ["--nonsense"], options: {} });
      return 0;
    case "wait": {
      const timer = setInterval(() => undefined, 1000);
      console.log("waiting");
      await new Promise((resolve) => {
        signal.addEventListener("abort", resolve);
      });
      clearInterval(timer);
      console.log("stopped");
      throw signal.reason;
    }
    case "deaf":
      console.log("waiting");
      signal.addEventListener("abort", say("first signal"));
      return new Promise<never>(() => setInterval(() => undefined, 1000));
    case "pipe":
      for (;;) {
        process.stdout.write(`${"x".repeat(1000)}\n`);
        await new Promise((resolve) => setImmediate(resolve));
      }
    default:
      return undefined;
  }
});
