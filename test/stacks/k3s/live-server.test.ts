import test from "ava";
import type { Kubectl } from "../../../stacks/nodes/measuring-lease.ts";
import { findLiveServer, kubectlAmong } from "../../../stacks/k3s/live-server.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import type { Endpoint } from "../../../stacks/remote/endpoint.ts";
import { endpointOf } from "../../../stacks/remote/site-endpoint.ts";
import { NodeUnavailable } from "../../../stacks/remote/node-unavailable.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { exampleRootSecret, exampleSite } from "../keys/example.ts";
import { refused } from "./fake-cluster.ts";

const site = exampleSite();
const keys = deriveSiteKeys(exampleRootSecret, site);
const servers = ["pi-1", "pi-2", "pi-3"].map((node) => ({ ...endpointOf(site, "pi-1", keys), node }));

type State = "answers" | "silent" | "off" | "killed" | "refuses";

/** Three servers, each in its state, and what was asked of them. */
function setUp(states: Record<string, State>) {
  const asked: string[] = [];
  const connect =
    ({ node, ...place }: Endpoint): Kubectl =>
    (args) => {
      asked.push(`${node} ${args.join(" ")}`);
      const state = states[node];
      if (state === "off") return Promise.reject(new NodeUnavailable({ node, ...place }, "unreachable"));
      if (state === "killed")
        return Promise.reject(new UserError({ what: "kubectl was killed", where: node, next: "look" }));
      if (state === "silent") return Promise.resolve({ code: 1, stdout: "", stderr: `${refused} (${node})` });
      if (state === "refuses" && !args.includes("--raw=/readyz"))
        return Promise.resolve({ code: 1, stdout: "", stderr: `Error from server (NotFound) (${node})` });
      return Promise.resolve({ code: 0, stdout: node, stderr: "" });
    };
  return { states, asked, connect, among: kubectlAmong(servers, connect) };
}

test("the first server whose API answers is found, whatever is amiss with those before it", async (t) => {
  for (const state of ["silent", "off", "killed"] as const) {
    const { connect } = setUp({ "pi-1": state, "pi-2": "answers", "pi-3": "answers" });
    t.is((await findLiveServer(servers, connect))?.endpoint.node, "pi-2");
  }
  const { connect } = setUp({ "pi-1": "off", "pi-2": "silent", "pi-3": "off" });
  t.is(await findLiveServer(servers, connect), undefined);
  const broken = () => () => Promise.reject(new TypeError("a bug"));
  await t.throwsAsync(findLiveServer(servers, broken), { message: "a bug" });
});

test("a server is stayed with while its API answers, whatever that says", async (t) => {
  const { asked, among } = setUp({ "pi-1": "silent", "pi-2": "refuses", "pi-3": "answers" });
  t.regex((await among(["get", "node"])).stderr, /NotFound\) \(pi-2\)/);
  t.regex((await among(["get", "node"])).stderr, /NotFound\) \(pi-2\)/);
  t.false(asked.some((line) => line.startsWith("pi-3")));
});

test("when it goes away, another one is asked, and that one from then on", async (t) => {
  for (const state of ["silent", "off", "killed"] as const) {
    const { states, asked, among } = setUp({ "pi-1": "answers", "pi-2": "off", "pi-3": "answers" });
    t.is((await among(["get", "node"])).stdout, "pi-1");
    states["pi-1"] = state;
    t.is((await among(["replace", "lease"])).stdout, "pi-3");
    asked.length = 0;
    t.is((await among(["get", "node"])).stdout, "pi-3");
    t.deepEqual(asked, ["pi-3 get node"]);
  }
});

test("where none answers, the first one's silence is told, until one does", async (t) => {
  const { states, among } = setUp({ "pi-1": "silent", "pi-2": "off", "pi-3": "off" });
  t.regex((await among(["get", "node"])).stderr, /refused.*\(pi-1\)/);
  states["pi-1"] = "off";
  await t.throwsAsync(among(["get", "node"]), { instanceOf: NodeUnavailable, message: /^pi-1: / });
  states["pi-2"] = "answers";
  t.is((await among(["get", "node"])).stdout, "pi-2");
});
