import { connect } from "node:net";
import { firstServer, serversOf, type Site } from "../config/site.ts";

/** Whether something listens for the API at an address; replaced in tests. */
export type Answers = (address: string) => Promise<boolean>;

/** Milliseconds that a server may take to accept a connection. */
const patience = 3_000;

/**
 * Where the cluster's API is reached: the address that the configuration gives it, else that of the first server that answers now,
 * else of the first one. To be asked once all servers were brought up: then a server that is back is found, and the next update finds
 * the same.
 */
export async function apiAddressOf(site: Site, answers: Answers): Promise<string> {
  const given = site.k3s.apiAddress ?? site.k3s.kubeVip?.address;
  if (given !== undefined) return given;
  const servers = serversOf(site).map(({ node }) => node.address);
  // With one server there is nothing to choose.
  if (servers.length > 1) for (const address of servers) if (await answers(address)) return address;
  return firstServer(site).node.address;
}

/** Asks the machine itself, from here, as clients of the API will. */
export const listensForApi: Answers = (address) =>
  new Promise((resolve) => {
    const socket = connect({ host: address, port: 6443, timeout: patience });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket
      .on("connect", () => {
        end(true);
      })
      .on("timeout", () => {
        end(false);
      })
      .on("error", () => {
        end(false);
      });
  });
