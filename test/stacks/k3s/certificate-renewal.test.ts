import test from "ava";
import { renewalReason } from "../../../stacks/k3s/certificate-renewal.ts";
import { exampleK3s } from "../nodes/example-report.ts";

const certificatesEnd = "2027-03-10T12:00:00Z";
const daysBefore = (days: number) => new Date(Date.parse(certificatesEnd) - days * 86_400_000);
const reason = (days: number) => renewalReason(exampleK3s({ certificatesEnd }), daysBefore(days));

test("K3s is started again well before its certificates end, and after", (t) => {
  for (const days of [59, 30, 1, 0, -10]) t.is(reason(days), "certificates end on 2027-03-10");
  for (const days of [61, 120, 364]) t.is(reason(days), undefined);
});

test("the same end gives the same text: a second update finds nothing new", (t) => {
  t.is(reason(59), reason(1));
});

test("a node without certificates has none to renew", (t) => {
  t.is(renewalReason(exampleK3s(), new Date("2027-03-10T12:00:00Z")), undefined);
});
