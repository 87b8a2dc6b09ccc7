/** Bytes as people read them, in powers of 1000: "72 B", "1.2 kB", "144 MB", "4.3 GB". */
export function formatSize(bytes: number): string {
  if (bytes < 100) return `${bytes} B`;
  if (bytes < 999_950) return `${(bytes / 1e3).toFixed(1)} kB`;
  if (bytes < 999_500_000) return `${Math.max(1, Math.round(bytes / 1e6))} MB`;
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
