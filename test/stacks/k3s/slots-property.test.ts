import test from "ava";
import fc from "fast-check";
import type { Kubectl } from "../../../stacks/nodes/measuring-lease.ts";
import { withSlot } from "../../../stacks/k3s/slots.ts";
import { FakeCluster, refused } from "./fake-cluster.ts";
import { VirtualClock } from "../../virtual-clock.ts";

const seconds = 1000;

interface Script {
  readonly starts: number;
  readonly lasts: number;
  readonly end: "done" | "fails" | "killed";
}
const script: fc.Arbitrary<Script> = fc.record({
  starts: fc.nat(60),
  lasts: fc.integer({ min: 0, max: 300 }),
  end: fc.constantFrom("done", "done", "done", "fails", "killed"),
});
const outage = fc.record({ begins: fc.nat(400), lasts: fc.integer({ min: 1, max: 110 }) });

test("whoever dies, fails or is cut off, and whenever: no more than `count` are at work", async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(script, { minLength: 2, maxLength: 5 }),
      fc.integer({ min: 1, max: 3 }),
      fc.array(outage, { maxLength: 2 }),
      fc.infiniteStream(fc.nat(2500)),
      async (scripts, count, outages, latencies) => {
        const nodes = scripts.map((_, index) => `pi-${index + 2}`);
        const cluster = new FakeCluster(...nodes);
        const clock = new VirtualClock();
        cluster.delay = () => clock.sleep(Number(latencies.next().value));
        const atWork = new Set<string>();
        let failed = false;
        for (const { begins, lasts } of outages) {
          void clock.sleep(begins * seconds).then(async () => {
            cluster.silence = refused;
            await clock.sleep(lasts * seconds);
            cluster.silence = undefined;
          });
        }
        const never = new Promise<never>(() => undefined);
        const run = async ({ starts, lasts, end }: Script, node: string) => {
          await clock.sleep(starts * seconds);
          let dead = false;
          const died = new Promise<void>((resolve) => {
            void clock.sleep(end === "killed" ? (lasts * seconds) / 2 : 1e9).then(() => {
              if (end === "killed") dead = true;
              atWork.delete(node);
              resolve();
            });
          });
          const kubectl: Kubectl = (args, stdin) => (dead ? never : cluster.kubectl(args, stdin));
          const work = async () => {
            if (dead) return;
            t.false(failed && count === 1, "none begins after a failure");
            atWork.add(node);
            t.true(atWork.size <= count, `${[...atWork].join(", ")} at work`);
            await clock.sleep(lasts * seconds);
            atWork.delete(node);
            if (end === "fails") {
              failed = true;
              cluster.setReady(node, false);
              throw new Error("no power");
            }
          };
          const changed = withSlot(kubectl, { kind: "agent", node, count }, work, clock).catch(() => undefined);
          await (end === "killed" ? died : changed);
        };
        await clock.run(Promise.all(scripts.map((one, index) => run(one, nodes[index] ?? ""))));
      },
    ),
    { numRuns: 150 },
  );
});
