import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { logRotation } from "../../../../stacks/nodes/preparation/log-rotation.ts";
import { plant } from "../board.ts";
import { testWithTools } from "../../../with-tools.ts";

testWithTools(["logrotate"], "logrotate takes the limits for the logs of others, and a typing error is found", (t) => {
  const [file] = logRotation().files ?? [];
  const [step] = logRotation().steps ?? [];
  if (file === undefined || !("content" in file)) throw new Error("no drop-in");
  const root = plant(t, {
    "/logrotate.d/rsyslog": "/nonexistent.log {\n  weekly\n  missingok\n}\n",
    "/logrotate.d/00-bramble": file.content,
  });
  writeFileSync(join(root, "logrotate.conf"), `include ${root}/logrotate.d\n`);
  const env = { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin` };
  const { stderr } = spawnSync("logrotate", ["--debug", join(root, "logrotate.conf")], { encoding: "utf8", env });
  t.regex(stderr, /log files >= 20971520 are rotated earlier/);
  const check = () => spawnSync("sh", ["-c", (step?.run[2] ?? "false").replace("/etc/", `${root}/`)], { env }).status;
  t.is(check(), 0);
  writeFileSync(join(root, "logrotate.d/00-bramble"), "maxsiz 20M\n");
  t.not(check(), 0);
});
