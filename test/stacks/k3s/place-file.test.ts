import test from "ava";
import { parse } from "yaml";
import { renderPlace } from "../../../stacks/k3s/place-file.ts";
import { matchesGolden } from "../../golden.ts";

const short = "0".repeat(32);
const tokens = { short, pinned: `K10${"a".repeat(64)}::server:${short}` };
const joins = { kind: "joins", through: "192.168.7.12" } as const;

test("a place is as it was", (t) => {
  matchesGolden(t, "k3s/place-founds.yaml", renderPlace({ kind: "founds" }, tokens));
  matchesGolden(t, "k3s/place-joins.yaml", renderPlace(joins, tokens));
});

test("who founds a cluster has the short form of the token and joins nobody, whoever config.yaml names", (t) => {
  const founder = { "cluster-init": true, server: "", token: short };
  t.deepEqual(parse(renderPlace({ kind: "founds" }, tokens)), founder);
  t.deepEqual(parse(renderPlace({ kind: "restores" }, tokens)), founder);
});

test("who joins has the form that pins the authority", (t) => {
  t.deepEqual(parse(renderPlace(joins, tokens)), { server: "https://192.168.7.12:6443", token: tokens.pinned });
});
