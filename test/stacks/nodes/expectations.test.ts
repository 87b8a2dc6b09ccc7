import test from "ava";
import fc from "fast-check";
import { authorityDigest } from "../../../stacks/nodes/cluster-authority.ts";
import {
  mismatchError,
  nodeProblems,
  siteProblems,
  toleratedSkew,
  unmetExpectations,
} from "../../../stacks/nodes/expectations.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { endpointOf } from "../../../stacks/remote/site-endpoint.ts";
import { NodeUnavailable } from "../../../stacks/remote/node-unavailable.ts";
import { exampleNode, exampleRootSecret, exampleSite } from "../keys/example.ts";
import { exampleFacts, exampleReport } from "./example-report.ts";

const demands = { serial: "10000000aabbccdd", model: "Raspberry Pi 5", memoryMegabytes: 7600, eeprom: "2024-09-23" };
const authority = "a".repeat(64);

test("a board that is what is demanded has no problem, and one of which nothing is demanded neither", (t) => {
  t.deepEqual(unmetExpectations(demands, exampleFacts()), []);
  t.deepEqual(unmetExpectations(demands, exampleFacts({ memoryMegabytes: 7600, eepromDate: "2024-09-23" })), []);
  t.deepEqual(unmetExpectations({}, exampleFacts({ serial: null, model: null })), []);
});

test("each demand that is not met says what is there and what must be", (t) => {
  const other = exampleFacts({
    serial: "20000000aabbccdd",
    model: "Raspberry Pi 4 Model B Rev 1.5",
    memoryMegabytes: 3791,
    eepromDate: "2024-09-22",
  });
  t.deepEqual(unmetExpectations(demands, other), [
    "serial is 20000000aabbccdd, not 10000000aabbccdd",
    "model is Raspberry Pi 4 Model B Rev 1.5, not Raspberry Pi 5",
    "memory is 3791 MB, less than 7600 MB",
    "EEPROM is of 2024-09-22, older than 2024-09-23",
  ]);
});

test("what cannot be read does not meet a demand", (t) => {
  const bare = exampleFacts({ serial: null, model: null, memoryMegabytes: null, eepromDate: null });
  const problems = unmetExpectations(demands, bare);
  t.is(problems.length, 4);
  for (const problem of problems) t.regex(problem, /cannot be read, and must be/);
});

test("all problems of all nodes that answered are told at once, and those that were silent are passed over", (t) => {
  const site = exampleSite();
  site.nodes["pi-1"] = exampleNode({ role: "server", address: "192.168.7.11", expect: demands });
  site.nodes["pi-2"] = exampleNode({ role: "agent", address: "192.168.7.12", expect: demands });
  const wrong = exampleReport({
    facts: exampleFacts({ serial: "2", cgroup: { version: 2, memory: false, controllers: [] } }),
  });
  const both = siteProblems(
    site,
    new Map([
      ["pi-1", wrong],
      ["pi-2", exampleReport({ facts: exampleFacts({ memoryMegabytes: 1 }) })],
    ]),
    authority,
  );
  t.is(both.length, 3);
  t.deepEqual(
    both.map((line) => line.slice(0, 5)),
    ["pi-1:", "pi-1:", "pi-2:"],
  );
  const silent = new NodeUnavailable(endpointOf(site, "pi-1", deriveSiteKeys(exampleRootSecret, site)), "unreachable");
  t.deepEqual(siteProblems(site, new Map([["pi-1", silent]]), authority), []);
  t.deepEqual(siteProblems(site, new Map(), authority), []);
  const { message } = mismatchError(site, both);
  for (const line of both) t.true(message.includes(line));
  t.regex(message, /site barn.*nothing was changed/);
});

test("a clock counts as wrong from a minute on, and the way to a right one is named", (t) => {
  const site = exampleSite();
  const problems = (clockSkew: number) => nodeProblems(site, "pi-1", exampleReport({ clockSkew }), authority);
  t.deepEqual(problems(toleratedSkew), []);
  t.deepEqual(problems(-toleratedSkew), []);
  t.regex(problems(-7200)[0] ?? "", /clock is 2 h behind, so certificates would not be valid: set timeServers/);
  t.regex(problems(90)[0] ?? "", /clock is 90 s ahead/);
  site.timeServers = ["192.168.7.1"];
  t.regex(problems(-3 * 86_400)[0] ?? "", /3 days behind.*see whether it reaches 192\.168\.7\.1/);
});

test("K3s of this site may be there already, that of another may not", (t) => {
  const site = exampleSite();
  const own = authorityDigest(deriveSiteKeys(exampleRootSecret, site).authorities["server-ca"].certificate);
  t.regex(own, /^[0-9a-f]{64}$/);
  const problems = (clusterAuthority: string | null) =>
    nodeProblems(site, "pi-1", exampleReport({ facts: exampleFacts({ clusterAuthority }) }), own);
  t.deepEqual(problems(own), []);
  t.deepEqual(problems(null), []);
  t.regex(problems("b".repeat(64))[0] ?? "", /K3s of another cluster.*bbbbbbbb/);
});

test("a demanded date or memory is met by all that is later or more, and by nothing else", (t) => {
  const date = fc
    .date({ min: new Date("2019-01-01"), max: new Date("2035-01-01"), noInvalidDate: true })
    .map((day) => day.toISOString().slice(0, 10));
  fc.assert(
    fc.property(date, date, fc.integer({ min: 1, max: 99_999 }), fc.integer({ min: 1, max: 99_999 }), (...values) => {
      const [eeprom, eepromDate, least, memoryMegabytes] = values;
      const problems = unmetExpectations(
        { eeprom, memoryMegabytes: least },
        exampleFacts({ eepromDate, memoryMegabytes }),
      );
      t.is(
        problems.length,
        Number(Date.parse(eepromDate) < Date.parse(eeprom)) + Number(memoryMegabytes < least),
        problems.join(),
      );
    }),
  );
});
