export interface RegistryConfigArguments {
  /** Where it listens. */
  readonly address: string;
  /** The directory that holds everything. */
  readonly storage: string;
  /** Whether anybody may push. */
  readonly writable: boolean;
  /** A registry (its URL) that is asked for what is not here, and whose answers are kept; null: none. */
  readonly upstream: string | null;
}

/**
 * The configuration of a distribution registry, 2.8 or 3 (YAML, of which JSON is a part). With an upstream it is a copy of that
 * registry alone, and refuses pushes by itself. Ollama 0.17.4 pulls through a 2.8.2 from another one, that was tried; whether
 * Ollama's own library can be an upstream was not, and people report that it can't.
 */
export function renderRegistryConfig({ address, storage, writable, upstream }: RegistryConfigArguments): string {
  const config = {
    version: 0.1,
    log: { level: "warn", accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: storage },
      // Nothing is deleted by itself: what a lock names must be there when the line is down.
      delete: { enabled: false },
      maintenance: {
        // What an interrupted push left.
        uploadpurging: { enabled: writable, age: "168h", interval: "24h", dryrun: false },
        readonly: { enabled: !writable && upstream === null },
      },
    },
    http: { addr: address },
    // By default version 3 throws a copy away after a week; 2.8 has a fixed week.
    ...(upstream === null ? {} : { proxy: { remoteurl: upstream, ttl: 0 } }),
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
