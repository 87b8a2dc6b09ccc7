import test from "ava";
import fc from "fast-check";
import { withoutSecrets } from "../../../../scripts/lib/doctor/redact.ts";

const redacted = (text: string, ...secrets: string[]) =>
  withoutSecrets([{ severity: "note", where: "pi-1", what: text, next: text }], secrets)[0]?.what;

test("a token's long form and private keys stand nowhere, whoever they belong to", (t) => {
  t.is(redacted(`token K10${"ab".repeat(32)}::server:0123 refused`), "token … refused");
  t.is(redacted("-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY----- was read"), "… was read");
  t.is(redacted("cut off: -----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl"), "cut off: …");
  t.is(redacted("nothing of the kind"), "nothing of the kind");
});

test("no secret of the site's stands anywhere, wherever it stood", (t) => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 8 }).filter((one) => !one.includes("…")),
      fc.string(),
      fc.string(),
      (secret, before, after) => {
        const [found] = withoutSecrets(
          [{ severity: "wrong", where: "x", what: before + secret + after, next: secret }],
          ["", secret],
        );
        t.false(`${found?.what ?? secret}${found?.next ?? secret}`.includes(secret));
      },
    ),
  );
});
