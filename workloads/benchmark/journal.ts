import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { JournalRecord } from "./record.ts";

/** A block's journal, open for one attempt. */
export interface Journal {
  /** This attempt's number, from 1. */
  readonly attempt: number;
  /** Names ("<variant>/<scenario>") of the runs that ended in earlier attempts. */
  readonly finished: ReadonlySet<string>;
  /** Whether an earlier attempt ended the block. */
  readonly ended: boolean;
  /** Writes a record and returns once it lies on the disk. */
  append(record: JournalRecord): void;
  close(): void;
}

/**
 * Opens block-<block>.ndjson in `directory` (made if missing) for the next attempt. What a power cut tore off at its end
 * is cut away; a damaged line with sound ones after it is an error, for no crash of the runner leaves that.
 */
export function openJournal(directory: string, block: number): Journal {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `block-${block}.ndjson`);
  const file = openSync(path, "a+", 0o644);
  try {
    const content = readFileSync(path);
    const { records, sound } = soundPrefix(content, path);
    if (sound < content.length) {
      ftruncateSync(file, sound);
      fsyncSync(file);
    }
    syncDirectory(directory);
    const runEnds = records.filter((record) => record.type === "run-end");
    return {
      attempt: Math.max(0, ...records.map(({ attempt }) => attempt)) + 1,
      finished: new Set(runEnds.map(({ variant, scenario }) => `${variant}/${scenario}`)),
      ended: records.some(({ type }) => type === "block-end"),
      append(record) {
        writeSync(file, `${JSON.stringify(record)}\n`);
        fsyncSync(file);
      },
      close: () => {
        closeSync(file);
      },
    };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** The records of a journal's longest sound beginning, and its length in bytes. */
function soundPrefix(content: Buffer, path: string): { records: JournalRecord[]; sound: number } {
  const records: JournalRecord[] = [];
  let sound = 0;
  let torn: number | undefined;
  for (let start = 0, number = 1; start < content.length; number++) {
    const newline = content.indexOf("\n", start);
    const end = newline === -1 ? content.length : newline + 1;
    const record = newline === -1 ? undefined : parseRecord(content.toString("utf8", start, newline));
    if (record === undefined) torn ??= number;
    else if (torn !== undefined) throw new Error(`${path}, line ${torn} is damaged, and sound lines follow it`);
    else {
      records.push(record);
      sound = end;
    }
    start = end;
  }
  return { records, sound };
}

function parseRecord(line: string): JournalRecord | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return value !== null && typeof value === "object" && "type" in value ? (value as JournalRecord) : undefined;
  } catch {
    return undefined;
  }
}

/** A new file's name lies on the disk only when its directory does. */
function syncDirectory(directory: string): void {
  const handle = openSync(directory, "r");
  fsyncSync(handle);
  closeSync(handle);
}
