import type { PreparationSettings } from "../../config/preparation.ts";
import { textFile } from "../../remote/phase.ts";
import { header, type PhasePart } from "./part.ts";

const file = "/etc/systemd/journald.conf.d/90-bramble-journald.conf";

/** Megabytes of memory at most, where the image keeps its journal there: memory is what models need. */
const inMemory = 64;

/** A bounded journal. */
export function journal({ journalMegabytes }: Pick<PreparationSettings, "journalMegabytes">): PhasePart {
  const text = `${header}[Journal]
# SD cards are small and wear out.
SystemMaxUse=${journalMegabytes}M
# Counts where the journal is kept in memory only, as some images have it.
RuntimeMaxUse=${Math.min(journalMegabytes, inMemory)}M
`;
  const restart = ["systemctl", "restart", "systemd-journald.service"];
  return {
    files: [textFile(file, text)],
    steps: [{ title: "restarted journald", run: restart, after: [file], limit: 60 }],
    afterRemoval: [{ title: "restarted journald", run: restart, limit: 60 }],
  };
}
