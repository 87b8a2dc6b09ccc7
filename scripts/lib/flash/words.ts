import type { Disk } from "./disk.ts";

/** A size as cards are sold: in units of a thousand. */
export function gigabytes(bytes: number): string {
  if (bytes < 1e5) return `${Math.round(bytes)} B`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
  return `${(bytes / 1e9).toFixed(bytes < 1e11 ? 1 : 0)} GB`;
}

/** Seconds as a person reads them. */
export function timeSpan(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 100) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  return minutes < 100 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** What a person tells disks apart by. */
export function describeDisk({ device }: Disk): string {
  const size = device.bytes === 0 ? "no medium" : gigabytes(device.bytes);
  return [size, device.transport, device.model, device.builtIn ? "built in" : undefined]
    .filter((part) => part !== undefined)
    .join(", ");
}

/** What is on a disk, in a few words. */
export function describeContent({ device, stamp }: Disk): string {
  if (stamp !== undefined) return `the card of ${stamp.node} in site ${stamp.site}, generation ${stamp.generation}`;
  const parts = (device.children.length > 0 ? device.children : [device]).flatMap(({ fileSystem, label }) =>
    fileSystem === undefined && label === undefined ? [] : [[label, fileSystem].filter(Boolean).join(" ")],
  );
  if (parts.length > 0) return parts.join(", ");
  const count = device.children.length;
  return count === 0 ? "no partitions" : `${count} unknown partition${count === 1 ? "" : "s"}`;
}
