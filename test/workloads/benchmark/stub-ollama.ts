import { createServer, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export const digest = "b".repeat(64);

export interface StubRequest {
  readonly model: string;
  readonly prompt: string;
  readonly keep_alive: number;
  readonly options: Readonly<Record<string, number>>;
}

export type Answer = (response: ServerResponse, request: StubRequest) => void | Promise<void>;

/** An HTTP server that answers like Ollama, one given answer after the other (the last one again and again). */
export async function stubOllama(...answers: Answer[]) {
  return stubOllamaAt(0, ...answers);
}

export async function stubOllamaAt(port: number, ...answers: Answer[]) {
  const requests: StubRequest[] = [];
  // How often it still says that the model is loaded.
  const stub = { requests, digest, loaded: 0 };
  let answered = 0;
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (part: Buffer) => (text += part.toString()));
    request.on("end", () => {
      if (request.url === "/api/version") return response.end('{"version":"0.17.4"}');
      if (request.url === "/api/tags")
        return response.end(JSON.stringify({ models: [{ name: "gemma3:270m", digest: stub.digest }] }));
      if (request.url === "/api/ps") {
        const models = stub.loaded > 0 ? [{ name: "gemma3:270m" }] : [];
        stub.loaded = Math.max(0, stub.loaded - 1);
        return response.end(JSON.stringify({ models }));
      }
      const wanted = JSON.parse(text) as StubRequest;
      requests.push(wanted);
      if (wanted.keep_alive === 0) return response.end('{"done":true,"done_reason":"unload"}');
      void (answers[Math.min(answered++, answers.length - 1)] ?? tokens(3))(response, wanted);
      return undefined;
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return Object.assign(stub, { url, close });
}

/** A whole answer of `count` tokens. */
export function tokens(count: number, pause = 0): Answer {
  return async (response) => {
    for (let index = 0; index < count; index++) {
      response.write(`${JSON.stringify({ response: ` token${index}`, done: false })}\n`);
      await sleep(pause);
    }
    response.end(`${JSON.stringify(last(count))}\n`);
  };
}

export function last(count: number): Record<string, unknown> {
  return {
    response: "",
    done: true,
    done_reason: "length",
    total_duration: 900,
    load_duration: 100,
    prompt_eval_count: 17,
    prompt_eval_duration: 300,
    eval_count: count,
    eval_duration: 500,
  };
}
