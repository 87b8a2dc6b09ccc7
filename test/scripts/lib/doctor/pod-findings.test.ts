import test from "ava";
import { podFindings } from "../../../../scripts/lib/doctor/pod-findings.ts";
import { finder, healthyCluster, healthySeen, pod } from "./healthy.ts";

const { findsNothing, findsOne, linesOf } = finder((_, seen) => podFindings(seen));

const withPods = (...pods: ReturnType<typeof pod>[]) => healthySeen({ cluster: healthyCluster({ pods }) });

test("pods whose image does not come, by namespace and reason, some by name", (t) => {
  const pods = ["a", "b", "c", "d"].map((name) => pod(name, { phase: "Pending", waiting: "ImagePullBackOff" }));
  findsOne(
    t,
    withPods(...pods),
    /^warning cluster: threads-1: 4 pods are stuck, ImagePullBackOff \(a, b, c, 1 more\) \| see whether its node has the image/,
  );
});

test("a pod that ends again and again; of the system's own it is wrong", (t) => {
  findsOne(
    t,
    withPods(pod("a", { waiting: "CrashLoopBackOff" })),
    /^warning cluster: threads-1: 1 pod is stuck, CrashLoopBackOff \(a\) \| .*k3s kubectl logs --previous a --namespace threads-1, on pi-1/,
  );
  findsOne(
    t,
    withPods(pod("coredns", { namespace: "kube-system", waiting: "CrashLoopBackOff" })),
    /^wrong cluster: kube-system: 1 pod/,
  );
});

test("a pod that finds no node, after a while", (t) => {
  const pending = { phase: "Pending", unschedulable: "0/5 nodes are available: 5 Insufficient memory." };
  findsOne(
    t,
    withPods(pod("a", pending)),
    /^warning cluster: threads-1: 1 pod is stuck, Unschedulable \(a\): 0\/5 nodes are available/,
  );
  findsNothing(t, withPods(pod("a", { ...pending, created: "2027-03-01T11:58:00Z" })));
  findsOne(
    t,
    withPods(pod("a", { phase: "Pending", waiting: "ContainerCreating" })),
    /ContainerCreating \(a\): for 2 h \| see what it waits for/,
  );
});

test("a pod that does not end", (t) => {
  findsOne(
    t,
    withPods(pod("a", { deleted: "2027-03-01T11:00:00Z" })),
    /^warning cluster: threads-1: 1 pod is stuck, Terminating \(a\): for 60 min/,
  );
  findsNothing(t, withPods(pod("a", { deleted: "2027-03-01T11:58:00Z" })));
});

test("pods that run, that are done, and that failed, are not stuck", (t) => {
  findsNothing(
    t,
    withPods(pod("a"), pod("b", { phase: "Succeeded" }), pod("c", { phase: "Failed", waiting: "CrashLoopBackOff" })),
  );
});

test("each namespace and each reason has a line of its own", (t) => {
  const pods = [
    pod("a", { waiting: "CrashLoopBackOff" }),
    pod("b", { waiting: "ErrImagePull" }),
    pod("c", { namespace: "threads-2", waiting: "ErrImagePull" }),
  ];
  t.is(linesOf(withPods(...pods)).length, 3);
});
