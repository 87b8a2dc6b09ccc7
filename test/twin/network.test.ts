import test from "ava";
import fc from "fast-check";
import { chooseSubnet, parseSubnet } from "../../twin/network.ts";

const range = (text: string) => {
  const parsed = parseSubnet(text);
  if (parsed === undefined) throw new Error(`${text} is no subnet`);
  return parsed;
};

test("subnets and single addresses are ranges, other words are not", (t) => {
  t.deepEqual(range("10.1.2.0/24"), { first: 0x0a010200, last: 0x0a0102ff });
  t.deepEqual(range("10.1.2.77/24"), range("10.1.2.0/24"));
  t.deepEqual(range("192.0.2.1"), { first: 0xc0000201, last: 0xc0000201 });
  for (const word of ["default", "dev", "10.1.2", "fe80::1/64", "0"]) t.is(parseSubnet(word), undefined);
});

test("a twin gets the same subnet each time, and other twins others", (t) => {
  t.is(chooseSubnet("4543f3", []), chooseSubnet("4543f3", []));
  const chosen = new Set(["000001", "000002", "000003", "000004"].map((id) => chooseSubnet(id, [])));
  t.is(chosen.size, 4);
});

test("a chosen subnet lies within 10.64.0.0/10 and touches nothing that is taken", (t) => {
  const id = fc.integer({ min: 0, max: 0xffffff }).map((value) => value.toString(16).padStart(6, "0"));
  const taken = fc
    .tuple(fc.integer({ min: 64, max: 127 }), fc.nat(255), fc.integer({ min: 16, max: 32 }))
    .map(([a, b, length]) => range(`10.${a}.${b}.0/${length}`));
  fc.assert(
    fc.property(id, fc.array(taken, { maxLength: 20 }), (twin, subnets) => {
      const chosen = range(`${chooseSubnet(twin, subnets)}.0/24`);
      const all = range("10.64.0.0/10");
      t.true(chosen.first >= all.first && chosen.last <= all.last);
      t.false(subnets.some((it) => it.first <= chosen.last && chosen.first <= it.last));
    }),
  );
  t.pass();
});

test("a machine on which everything is taken is told so", (t) => {
  t.throws(() => chooseSubnet("4543f3", [range("10.0.0.0/8")]), { name: "UserError", message: /ip route/ });
});
