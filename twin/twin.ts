import type { TwinNetwork } from "./network.ts";

/** A site without hardware, all of which lies in one directory. */
export interface Twin {
  /** Six hex digits that tell this twin from every other on the machine: a digest of its directory. */
  readonly id: string;
  readonly directory: string;
  readonly network: TwinNetwork;
}
