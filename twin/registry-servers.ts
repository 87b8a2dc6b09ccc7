import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { debianPrograms } from "./debian-programs.ts";
import type { Progress } from "./progress.ts";

/** Debian's docker-registry behind Debian's nginx: one line of nginx's makes it a registry that Ollama can pull from. */

// Where docker-registry itself listens; nobody but nginx talks to it.
const backend = "127.0.0.1:5001";

export interface RegistryServers {
  /** For configuration and working files; made if missing. */
  readonly directory: string;
  readonly storage: string;
  /** Where nginx listens. */
  readonly address: string;
  readonly readOnly: boolean;
}

/** Writes the two servers' configuration; the command that is returned runs both until it is killed. */
export async function registryCommand(servers: RegistryServers, progress: Progress): Promise<[string, ...string[]]> {
  const programs = await debianPrograms(["docker-registry", "nginx"], progress);
  const { directory } = servers;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(join(directory, "registry.json"), renderRegistryConfig(servers));
  await writeFile(join(directory, "nginx.conf"), renderNginxConfig(servers));
  const registry = [join(programs, "usr/bin/docker-registry"), "serve", join(directory, "registry.json")];
  const nginx = [
    join(programs, "usr/sbin/nginx"),
    "-p",
    directory,
    "-c",
    join(directory, "nginx.conf"),
    "-e",
    "stderr",
  ];
  return ["sh", "-c", '"$1" "$2" "$3" & shift 3; exec "$@"', "sh", ...registry, ...nginx];
}

/** docker-registry reads YAML, of which JSON is a part. */
export function renderRegistryConfig({ storage, readOnly }: Pick<RegistryServers, "storage" | "readOnly">): string {
  const config = {
    version: 0.1,
    log: { level: "warn", accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: storage },
      maintenance: { uploadpurging: { enabled: false }, readonly: { enabled: readOnly } },
    },
    http: { addr: backend },
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

export function renderNginxConfig({ address, directory }: Pick<RegistryServers, "address" | "directory">): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `daemon off;
# Workers as root too: nginx would take "nobody", who may not enter the directory.
user root;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log stderr warn;
events {}
http {
  access_log off;
${temporary.map((kind) => `  ${kind}_temp_path ${directory}/${kind};`).join("\n")}
  server {
    listen ${address};
    client_max_body_size 0;
    location / {
      proxy_pass http://${backend};
      proxy_set_header Host $http_host;
      proxy_buffering off;
      proxy_request_buffering off;
    }
    # Ollama fetches a blob from the place that the Location header of the answer names, and fails on an answer without
    # one, such as a 200 (ollama/ollama #6308): name the place it asked.
    location ~ ^/v2/.+/blobs/sha256: {
      proxy_pass http://${backend};
      proxy_set_header Host $http_host;
      proxy_buffering off;
      add_header Location $request_uri;
    }
  }
}
`;
}
