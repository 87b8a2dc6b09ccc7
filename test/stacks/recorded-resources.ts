import * as pulumi from "@pulumi/pulumi";

/** A resource as the engine is told of it. */
export interface Recorded {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  /** Not a component. */
  readonly custom: boolean;
  readonly protect: boolean;
  readonly parent: string;
  /** The URN of the provider that was asked for; empty where that is the default one. */
  readonly provider: string;
  readonly dependencies: readonly string[];
  readonly inputs: Record<string, unknown>;
}

interface Request {
  getType(): string;
  getName(): string;
  getParent(): string;
  getCustom(): boolean;
  getProtect(): boolean;
  getDependenciesList(): string[];
  getProvider(): string;
}
type Callback = (error: unknown, response?: { getUrn(): string }) => void;

/**
 * Has Pulumi's mocks record what is registered, with what it depends on. To be called before anything is loaded that makes resources:
 * the SDK reads its settings then.
 * @param mock.state what a resource is made to say of itself
 */
export async function recordResources(
  stack: string,
  mock: {
    state?: (resource: { type: string; name: string }) => Record<string, unknown>;
    outputs?: Record<string, unknown>;
  } = {},
): Promise<Recorded[]> {
  const recorded: Recorded[] = [];
  const inputsOf = new Map<string, Record<string, unknown>>();
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        inputsOf.set(`${type} ${name}`, inputs as Record<string, unknown>);
        if (type === "pulumi:pulumi:StackReference")
          return { id: name, state: { outputs: mock.outputs ?? {}, secretOutputNames: [] } };
        return { id: `${name}-id`, state: mock.state?.({ type, name }) ?? {} };
      },
      call: ({ inputs }) => inputs as Record<string, unknown>,
    },
    "bramble",
    stack,
    false,
    "organization",
  );
  const monitor = pulumi.runtime.getMonitor() as unknown as {
    registerResource: (request: Request, callback: Callback) => unknown;
  };
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, callback) =>
    register(request, (error, response) => {
      const [type, name] = [request.getType(), request.getName()];
      if (response !== undefined)
        recorded.push({
          urn: response.getUrn(),
          type,
          name,
          custom: request.getCustom(),
          protect: request.getProtect(),
          parent: request.getParent(),
          provider: providerOf(request),
          dependencies: [...request.getDependenciesList(), providerOf(request)],
          inputs: inputsOf.get(`${type} ${name}`) ?? {},
        });
      callback(error, response);
    });
  return recorded;
}

/** A provider's reference is its URN and its id. */
function providerOf(request: Request): string {
  return request.getProvider().replace(/::[^:]*$/, "");
}

/** Everything that has to outlive a resource: what it depends on, and what that depends on. */
export function dependenciesOf(recorded: readonly Recorded[], urn: string): ReadonlySet<string> {
  const found = new Set<string>();
  const add = (one: string) => {
    for (const dependency of recorded.find((resource) => resource.urn === one)?.dependencies ?? [])
      if (!found.has(dependency)) {
        found.add(dependency);
        add(dependency);
      }
  };
  add(urn);
  return found;
}
