import { parseBlockDevices } from "../../../../scripts/lib/flash/block-device.ts";
import { joinNames, knowsSystem, type Disks } from "../../../../scripts/lib/flash/disk.ts";
import type { Surroundings } from "../../../../scripts/lib/flash/surroundings.ts";
import type { Stamp } from "../../../../stacks/cards/stamp.ts";
import type { Site } from "../../../../stacks/config/site.ts";
import { exampleRootSecret, exampleSite } from "../../../stacks/keys/example.ts";
import { fakeTerminal, type FakeTerminal } from "./fake-terminal.ts";
import { exampleNames, lsblkOutput, type Listed } from "./lsblk.ts";

/** What is in the machine at a look: devices, and the stamp of the card in the one that has one. */
export interface Look {
  readonly devices: readonly Listed[];
  readonly stamp?: Stamp | undefined;
}

/** A machine whose disks change from look to look, and that remembers what was written where. */
export interface FakeMachine extends Surroundings {
  readonly terminal: FakeTerminal;
  readonly written: { node: string; to: string }[];
  readonly recorded: string[];
  /** How often the disks were looked at. */
  readonly looks: () => number;
}

export interface FakeOptions {
  readonly site?: Site;
  readonly answers?: readonly string[];
  readonly isTTY?: boolean;
  readonly change?: Partial<Omit<Surroundings, "terminal">>;
}

/**
 * @param looks one after the other, the last one for good; a function gets what was written last
 */
export function fakeMachine(
  looks: readonly (Look | ((written: Stamp | undefined) => Look))[],
  options: FakeOptions = {},
): FakeMachine {
  const site = options.site ?? exampleSite();
  const terminal = fakeTerminal(options.answers, options.isTTY);
  const written: { node: string; to: string }[] = [];
  const recorded: string[] = [];
  let [last, count]: [Stamp | undefined, number] = [undefined, 0];
  let look: Look = { devices: [] };
  const readDisks = (): Promise<Disks> => {
    const next = looks[Math.min(count, looks.length - 1)];
    count++;
    look = typeof next === "function" ? next(last) : (next ?? look);
    const devices = parseBlockDevices(lsblkOutput(look.devices));
    const disks = joinNames(devices, exampleNames).map((disk) => ({
      ...disk,
      permitted: true,
      stamp: undefined,
      trouble: undefined,
    }));
    return Promise.resolve({ disks, systemKnown: knowsSystem(devices) });
  };
  return {
    platform: "linux",
    terminal,
    written,
    recorded,
    looks: () => count,
    readDisks,
    readSiteStack: () => Promise.resolve({ site, rootSecret: exampleRootSecret, wifiPassword: undefined }),
    provideImage: () =>
      Promise.resolve({
        path: "images/os.img",
        sha256: site.image.sha256,
        size: 2_900_000_000,
        system: "raspberry-pi-os",
      }),
    readStamp: () => Promise.resolve(look.stamp),
    writeCard: ({ content, to, progress }) => {
      progress?.("write", 1, 2);
      written.push({ node: content.stamp.node, to });
      last = content.stamp;
      return Promise.resolve();
    },
    recordWrittenCard: ({ node, generation }) => {
      recorded.push(`${node} ${generation}`);
      return Promise.resolve();
    },
    findWrittenCard: () => Promise.resolve(undefined),
    // Lets other work go on, as a real pause does, and ends a test that would wait for ever.
    pause: async (_, signal) => {
      await new Promise(setImmediate);
      signal.throwIfAborted();
      if (count > 200) throw new Error(`still waiting:\n${terminal.text()}`);
    },
    ...options.change,
  };
}
