import { textFile } from "../../remote/phase.ts";
import { header, type PhasePart } from "./part.ts";

/**
 * logrotate reads the directory in the order of names, and a directive outside of braces holds for all that follows in this
 * and in later files unless they say otherwise (seen with logrotate 3.21).
 */
const file = "/etc/logrotate.d/00-bramble";

/** Text logs that are rotated by size too, not only by the week; K3s itself logs to the journal, containers' logs are the kubelet's. */
export function logRotation(): PhasePart {
  return {
    files: [textFile(file, `${header}maxsize 20M\ncompress\n`)],
    steps: [
      {
        title: "checked logrotate's settings",
        // It ends with 0 whatever it thinks of a file: its words tell.
        run: [
          "sh",
          "-c",
          `if command -v logrotate >/dev/null; then ! logrotate --debug ${file} 2>&1 | grep '^error:'; fi`,
        ],
        after: [file],
        limit: 60,
      },
    ],
  };
}
