import test from "ava";
import fc from "fast-check";
import { choosePlace, describePlace, type Place, type SeenServer } from "../../../stacks/k3s/place.ts";
import { UserError } from "../../../stacks/user-error.ts";

const seen = (name: string, changes: Partial<SeenServer> = {}): SeenServer => ({
  name,
  address: `192.168.7.1${name.at(-1) ?? ""}`,
  hasData: false,
  live: false,
  ...changes,
});
const founder = { name: "pi-1", hasData: false, founder: true };
const second = { name: "pi-2", hasData: false, founder: false };
const live = { hasData: true, live: true };

test("a server that has data keeps its place, whatever the others say", (t) => {
  for (const other of [seen("pi-2"), seen("pi-2", live), seen("pi-2", { hasData: null })])
    t.deepEqual(choosePlace({ ...founder, hasData: true }, [other], false), { kind: "keeps" });
});

test("the first server of a site that has nothing yet founds the cluster; alone, too", (t) => {
  t.deepEqual(choosePlace(founder, [seen("pi-2"), seen("pi-3")], false), { kind: "founds" });
  t.deepEqual(choosePlace(founder, [], false), { kind: "founds" });
});

test("with a snapshot it founds the cluster from that, over data of its own", (t) => {
  t.deepEqual(choosePlace(founder, [seen("pi-2")], true), { kind: "restores" });
  t.deepEqual(choosePlace({ ...founder, hasData: true }, [seen("pi-2")], true), { kind: "restores" });
});

test("whoever has nothing joins through the first server that lives, the founder too when it comes back empty", (t) => {
  const others = [seen("pi-2"), seen("pi-3", live), seen("pi-4", live)];
  t.deepEqual(choosePlace(founder, others, false), { kind: "joins", through: "192.168.7.13" });
  t.deepEqual(choosePlace(founder, [seen("pi-2", { hasData: null }), seen("pi-3", live)], false), {
    kind: "joins",
    through: "192.168.7.13",
  });
});

test("beside a cluster that lives, a snapshot counts for nothing", (t) => {
  t.deepEqual(choosePlace({ ...founder, hasData: true }, [seen("pi-2", live)], true), { kind: "keeps" });
  t.deepEqual(choosePlace(founder, [seen("pi-2", live)], true), { kind: "joins", through: "192.168.7.12" });
});

test("nothing is founded while another server holds the cluster and is down", (t) => {
  for (const snapshot of [false, true]) {
    const error = t.throws(() => choosePlace(founder, [seen("pi-2", { hasData: true }), seen("pi-3")], snapshot), {
      instanceOf: UserError,
    });
    t.regex(error.message, /pi-1: has nothing of the cluster, which pi-2 holds, and no API answers there/);
    t.regex(error.next, /npm run doctor/);
  }
  t.throws(() => choosePlace(second, [seen("pi-1", { hasData: true }), seen("pi-3", { hasData: true })], false), {
    message: /which pi-1 and pi-3 hold,/,
  });
});

test("nothing is founded while another server is silent", (t) => {
  const error = t.throws(() => choosePlace(founder, [seen("pi-2", { hasData: null }), seen("pi-3")], false), {
    instanceOf: UserError,
  });
  t.regex(error.message, /pi-2, which may hold it, did not answer/);
  t.regex(error.next, /bring pi-2 back, or write new cards there/);
});

test("no other server founds", (t) => {
  for (const snapshot of [false, true])
    t.throws(() => choosePlace(second, [seen("pi-1"), seen("pi-3")], snapshot), {
      message: /bring the first server up/,
    });
});

test("a place has words for a report", (t) => {
  const places: Place[] = [
    { kind: "keeps" },
    { kind: "founds" },
    { kind: "restores" },
    { kind: "joins", through: "a" },
  ];
  t.is(new Set(places.map(describePlace)).size, 4);
  t.is(describePlace({ kind: "joins", through: "192.168.7.11" }), "joined through 192.168.7.11");
});

/** A server as it really is. */
interface Server {
  readonly name: string;
  readonly founder: boolean;
  /** The cluster that its data are of. */
  cluster: number | null;
  answers: boolean;
  runs: boolean;
  snapshot: boolean;
}

const lookAt = ({ name, cluster, answers, runs }: Server): SeenServer => ({
  name,
  address: name,
  hasData: answers ? cluster !== null : null,
  live: answers && runs && cluster !== null,
});

function placeOf(server: Server, all: readonly Server[]): Place | undefined {
  const own = { name: server.name, hasData: server.cluster !== null, founder: server.founder };
  try {
    return choosePlace(own, all.filter((other) => other !== server).map(lookAt), server.snapshot);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

const state = fc.record({ hasData: fc.boolean(), answers: fc.boolean(), runs: fc.boolean(), snapshot: fc.boolean() });
const states = fc.oneof(
  fc.array(state, { minLength: 1, maxLength: 1 }),
  fc.array(state, { minLength: 3, maxLength: 3 }),
);

test("in no state do two servers found a cluster, nor one while another holds data", (t) => {
  let founded = 0;
  fc.assert(
    fc.property(states, (given) => {
      const servers = given.map(({ hasData, ...rest }, index) => ({
        name: `pi-${index}`,
        founder: index === 0,
        cluster: hasData ? 1 : null,
        ...rest,
      }));
      const makes = servers.filter((server) => ["founds", "restores"].includes(placeOf(server, servers)?.kind ?? ""));
      t.true(makes.length <= 1);
      for (const maker of makes) t.true(servers.every((other) => other === maker || other.cluster === null));
      founded += makes.length;
    }),
    { numRuns: 1000 },
  );
  t.true(founded > 0);
});

/** What befalls a site: an update reaches a server, a server dies, comes back, loses its data, gets a snapshot. */
const event = fc.tuple(
  fc.constantFrom("update", "update", "update", "dies", "returns", "stops", "reflash", "snapshot"),
  fc.nat(2),
);

test("whatever happens between updates, there is one cluster at a time", (t) => {
  let joined = 0;
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const servers: Server[] = [0, 1, 2].map((index) => ({
        name: `pi-${index}`,
        founder: index === 0,
        cluster: null,
        answers: true,
        runs: false,
        snapshot: false,
      }));
      let clusters = 0;
      for (const [kind, index] of events) {
        const server = servers[index];
        if (server === undefined) continue;
        if (kind === "dies") server.answers = false;
        if (kind === "returns") server.answers = true;
        if (kind === "stops") server.runs = false;
        // A card written anew; the old one is gone.
        if (kind === "reflash") Object.assign(server, { cluster: null, answers: true, runs: false, snapshot: false });
        if (kind === "snapshot") server.snapshot = true;
        if (kind === "update" && server.answers) {
          const place = placeOf(server, servers);
          if (place === undefined) continue;
          if (place.kind === "founds" || place.kind === "restores") server.cluster = ++clusters;
          if (place.kind === "joins") {
            const through = servers.find(({ name }) => name === place.through);
            t.true(through !== undefined && through.cluster !== null);
            server.cluster = through?.cluster ?? null;
            joined += 1;
          }
          Object.assign(server, { runs: true, snapshot: false });
        }
        const held = servers.flatMap(({ cluster }) => cluster ?? []);
        t.true(new Set(held).size <= 1, JSON.stringify({ events, servers }));
      }
    }),
    { numRuns: 500 },
  );
  t.true(joined > 0);
});
