import { isIP } from "node:net";

export interface NginxArguments {
  /** Where it listens: a port, or an address with one. */
  readonly listen: string;
  /** host:port of the registry behind it. */
  readonly backend: string;
  /** For its pid and what it keeps while a request runs. */
  readonly directory: string;
  /** Addresses or ranges that may push; nobody else may. */
  readonly writers: readonly string[];
}

/**
 * nginx before a distribution registry. One line of it makes a registry that an unmodified Ollama can pull from: Ollama fetches
 * a blob from the place that the Location header of the answer names, and fails on an answer without one, such as a 200
 * (ollama/ollama#6308, shown with 0.17.4). Others who pull pass the header by.
 */
export function renderNginxConfig({ listen, backend, directory, writers }: NginxArguments): string {
  for (const text of [listen, backend, directory])
    if (!/^[A-Za-z0-9./:_-]+$/.test(text)) throw new Error(`${text} would break nginx's configuration`);
  for (const range of writers) if (!isRange(range)) throw new Error(`${range} is no address or range of who may push`);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const pass = `      proxy_pass http://${backend};
      proxy_set_header Host $http_host;
      proxy_buffering off;
      proxy_request_buffering off;
      # GET stands for HEAD too.
      limit_except GET {
${writers.map((range) => `        allow ${range};\n`).join("")}        deny all;
      }`;
  return `daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log stderr warn;
events {}
http {
  access_log off;
  server_tokens off;
${temporary.map((kind) => `  ${kind}_temp_path ${directory}/${kind};`).join("\n")}
  server {
    listen ${listen};
    client_max_body_size 0;
    location / {
${pass}
    }
    location ~ ^/v2/.+/blobs/sha256: {
${pass}
      add_header Location $request_uri;
    }
  }
}
`;
}

/** An address, or one with the length of its prefix: 192.168.7.0/24. */
function isRange(text: string): boolean {
  const [address = "", bits, ...more] = text.split("/");
  const version = isIP(address);
  if (version === 0 || address.includes("%") || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}
