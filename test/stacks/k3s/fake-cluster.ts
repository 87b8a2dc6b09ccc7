import type { Kubectl } from "../../../stacks/nodes/measuring-lease.ts";

interface FakeLease {
  metadata: { name: string; namespace: string; resourceVersion?: string; annotations?: Record<string, string> };
  spec: { holderIdentity: string | null; renewTime: string | null };
}
interface FakeNode {
  metadata: { name: string; annotations: Record<string, string> };
  spec: { unschedulable?: boolean };
  status: { conditions: { type: string; status: string }[]; nodeInfo: { kubeletVersion: string } };
}

const ok = (value: unknown) => ({
  code: 0,
  stdout: typeof value === "string" ? value : JSON.stringify(value),
  stderr: "",
});
const failed = (stderr: string) => ({ code: 1, stdout: "", stderr });
const notFound = (what: string) => failed(`Error from server (NotFound): ${what} not found`);

/** An API server with Nodes and Leases in memory, and kubectl in front of it. */
export class FakeCluster {
  readonly leases = new Map<string, FakeLease>();
  readonly nodes = new Map<string, FakeNode>();
  /** Everything that was asked of it, a line each. */
  readonly asked: string[] = [];
  hasNamespace = true;
  /** While set, kubectl prints it and fails. */
  silence: string | undefined;
  /** Called before each request; what it returns is waited for. */
  delay: () => Promise<void> = () => Promise.resolve();
  /** What `kubectl wait` waits for: until the node is Ready, or for as long as it is told to. */
  readiness: (node: string) => Promise<void> = () => Promise.resolve();
  /** What `kubectl drain` prints and how it ends, one after the other; then it succeeds. */
  readonly drains: (string | { readonly thrown: Error })[] = [];
  #version = 0;
  #renewals = 0;

  constructor(...nodes: string[]) {
    for (const node of nodes) this.addNode(node);
  }

  addNode(name: string, version = "v1.35.4+k3s1"): FakeNode {
    const node: FakeNode = {
      metadata: { name, annotations: {} },
      spec: {},
      status: { conditions: [{ type: "Ready", status: "True" }], nodeInfo: { kubeletVersion: version } },
    };
    this.nodes.set(name, node);
    return node;
  }

  node(name: string): FakeNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`there is no node ${name}`);
    return node;
  }

  setReady(name: string, ready: boolean, version?: string): void {
    const { status } = this.node(name);
    status.conditions = [{ type: "Ready", status: ready ? "True" : "Unknown" }];
    if (version !== undefined) status.nodeInfo.kubeletVersion = version;
  }

  /** As a kubelet does it every ten seconds. */
  renewKubelet(name: string): void {
    this.#put({
      metadata: { name, namespace: "kube-node-lease" },
      spec: { holderIdentity: name, renewTime: String(this.#renewals++) },
    });
  }

  /** Who holds slots, by the slots' names. */
  holders(): Record<string, string> {
    const slots = [...this.leases.values()].filter(({ metadata }) => metadata.name.startsWith("k3s-change-"));
    return Object.fromEntries(
      slots.flatMap(({ metadata, spec }) =>
        spec.holderIdentity === null ? [] : [[metadata.name, spec.holderIdentity]],
      ),
    );
  }

  readonly kubectl: Kubectl = async (args, stdin) => {
    this.asked.push(args.join(" "));
    await this.delay();
    if (this.silence !== undefined) return failed(this.silence);
    const [verb, kind, name] = args;
    if (verb === "get" && kind === "namespace")
      return this.hasNamespace ? ok(`namespace/${name ?? ""}`) : notFound(`namespaces "${name ?? ""}"`);
    if (verb === "get" && kind === "leases") return ok({ items: [...this.leases.values()] });
    if (verb === "get" && kind === "lease") return this.#getLease(name ?? "", args);
    if (verb === "get" && kind === "node") return this.#getNode(name ?? "", args);
    if (verb === "wait") return await this.#waitForReady((kind ?? "").replace("node/", ""));
    if (verb === "patch" && kind === "node") return this.#patchNode(name ?? "", args);
    if (verb === "create" || verb === "replace") return this.#writeLease(verb, JSON.parse(stdin ?? "") as FakeLease);
    if (verb === "drain") {
      const said = this.drains.shift();
      if (typeof said === "object") throw said.thrown;
      return said === undefined ? ok("") : failed(said);
    }
    throw new Error(`the fake cluster does not know kubectl ${args.join(" ")}`);
  };

  #getLease(name: string, args: readonly string[]) {
    const lease = this.leases.get(name);
    if (lease === undefined) return notFound(`leases.coordination.k8s.io "${name}"`);
    return args.some((arg) => arg.includes("jsonpath")) ? ok(lease.spec.renewTime ?? "") : ok(lease);
  }

  #getNode(name: string, args: readonly string[]) {
    const node = this.nodes.get(name);
    if (node === undefined) return notFound(`nodes "${name}"`);
    const { conditions, nodeInfo } = node.status;
    if (args.some((arg) => arg.includes("jsonpath")))
      return ok(`${conditions.find(({ type }) => type === "Ready")?.status ?? ""} ${nodeInfo.kubeletVersion}`);
    return ok(node);
  }

  async #waitForReady(name: string) {
    await this.readiness(name);
    const ready = this.node(name).status.conditions.some(({ type, status }) => type === "Ready" && status === "True");
    return ready
      ? ok(`node/${name} condition met`)
      : failed(`error: timed out waiting for the condition on nodes/${name}`);
  }

  #patchNode(name: string, args: readonly string[]) {
    const node = this.nodes.get(name);
    if (node === undefined) return notFound(`nodes "${name}"`);
    const patch = JSON.parse(/--patch=(.*)/.exec(args.join(" "))?.[1] ?? "") as {
      metadata: { annotations: Record<string, string | null> };
      spec: { unschedulable: boolean | null };
    };
    for (const [key, value] of Object.entries(patch.metadata.annotations))
      if (value === null) Reflect.deleteProperty(node.metadata.annotations, key);
      else node.metadata.annotations[key] = value;
    if (patch.spec.unschedulable === null) delete node.spec.unschedulable;
    else node.spec.unschedulable = patch.spec.unschedulable;
    return ok(`node/${name} patched`);
  }

  #writeLease(verb: "create" | "replace", lease: FakeLease) {
    const { name, resourceVersion } = lease.metadata;
    const old = this.leases.get(name);
    const what = `leases.coordination.k8s.io "${name}"`;
    if (verb === "create" && old !== undefined)
      return failed(`Error from server (AlreadyExists): ${what} already exists`);
    if (verb === "replace" && old === undefined) return notFound(what);
    if (old !== undefined && resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion)
      return failed(
        `Error from server (Conflict): Operation cannot be fulfilled on ${what}: the object has been modified`,
      );
    this.#put(lease);
    return ok(`lease.coordination.k8s.io/${name}`);
  }

  #put(lease: FakeLease): void {
    const resourceVersion = String(++this.#version);
    this.leases.set(lease.metadata.name, { ...lease, metadata: { ...lease.metadata, resourceVersion } });
  }
}

/** How kubectl puts it that its server is away. */
export const refused =
  "The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?";
