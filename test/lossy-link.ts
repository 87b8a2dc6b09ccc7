import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import type { ExecutionContext } from "ava";

export interface LossyLink {
  readonly port: number;
  /** How many connections were made over it. */
  readonly connections: () => number;
  /** Nothing passes from now on, and nobody is told. */
  readonly freeze: () => void;
  /** Hangs up on both sides. */
  readonly cut: () => void;
  /** Does one of the two once so many more bytes have passed in a direction. */
  readonly failAfter: (bytes: number, direction: "up" | "down", how: "freeze" | "cut") => void;
  /** New connections pass again. */
  readonly mend: () => void;
}

/** A port of this machine that leads to another one, until the link fails. */
export async function lossyLink(t: ExecutionContext, to: number): Promise<LossyLink> {
  const sockets = new Set<Socket>();
  let count = 0;
  let frozen = false;
  let limit: { left: number; direction: "up" | "down"; how: "freeze" | "cut" } | undefined;
  const cut = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  const freeze = () => {
    frozen = true;
    for (const socket of sockets) socket.pause();
  };
  const pass = (from: Socket, onto: Socket, direction: "up" | "down") => {
    from.on("data", (data) => {
      if (frozen) return;
      if (limit?.direction === direction && (limit.left -= data.length) <= 0) {
        const { how } = limit;
        limit = undefined;
        if (how === "cut") cut();
        else freeze();
        return;
      }
      if (!onto.destroyed && !onto.write(data)) {
        from.pause();
        onto.once("drain", () => {
          if (!frozen) from.resume();
        });
      }
    });
    from.on("error", () => undefined);
    from.on("close", () => {
      sockets.delete(from);
      if (!frozen) onto.destroy();
    });
  };
  const server = createServer((near) => {
    count += 1;
    const far = connect(to, "127.0.0.1");
    for (const socket of [near, far]) sockets.add(socket);
    pass(near, far, "up");
    pass(far, near, "down");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(async () => {
    cut();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => count,
    freeze,
    cut,
    failAfter: (left, direction, how) => {
      limit = { left, direction, how };
    },
    mend: () => {
      cut();
      frozen = false;
    },
  };
}
