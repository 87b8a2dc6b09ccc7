import test from "ava";
import fc from "fast-check";
import { wifiKey } from "../../../../stacks/cards/seed/wifi-key.ts";
import { UserError } from "../../../../stacks/user-error.ts";

// IEEE 802.11i, annex H.4.3.
const vectors: [string, string, string][] = [
  ["IEEE", "password", "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"],
  ["ThisIsASSID", "ThisIsAPassword", "0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af"],
  ["Z".repeat(32), "a".repeat(32), "becb93866bb8c3832cb777c2f559807c8c59afcb6eae734885001300a981cc62"],
];
for (const [ssid, passphrase, key] of vectors)
  test(`the standard's key of ${ssid}`, (t) => {
    t.is(wifiKey(ssid, passphrase), key);
  });

test("what is no passphrase is refused and never shown", (t) => {
  for (const text of ["", "shortie", "x".repeat(64), "caf\u00e9 au lait", "tab\there!", "line\nbreak"]) {
    const error = t.throws(() => wifiKey("barn", text), { instanceOf: UserError });
    t.regex(error.message, /8 to 63 printable ASCII characters/);
    if (text !== "") t.false(error.message.includes(text));
  }
});

test("any passphrase gives a key", (t) => {
  fc.assert(
    fc.property(fc.stringMatching(/^[ -~]{8,63}$/), fc.string({ minLength: 1, maxLength: 8 }), (passphrase, ssid) => {
      t.regex(wifiKey(ssid, passphrase), /^[0-9a-f]{64}$/);
    }),
    { numRuns: 20 },
  );
});
