import test from "ava";
import fc from "fast-check";
import { generateRootSecret, parseRootSecret } from "../../../stacks/keys/root-secret.ts";
import { UserError } from "../../../stacks/user-error.ts";

test("a generated root secret is accepted, and no two are alike", (t) => {
  const secrets = Array.from({ length: 100 }, generateRootSecret);
  t.is(new Set(secrets).size, 100);
  for (const secret of secrets) t.is(parseRootSecret(`${secret}\n`).toString("hex"), secret);
});

test("anything else is refused with the way to make one, and is not shown", (t) => {
  const short = "0123456789abcdef0123456789abcdef";
  const regular = "0123456789abcdef".repeat(4);
  for (const bad of ["", "correct horse battery staple", short, regular, "0".repeat(64), `${generateRootSecret()}00`]) {
    const error = t.throws(() => parseRootSecret(bad), { instanceOf: UserError });
    t.is(error.where, "bramble:rootSecret");
    t.regex(error.next, /openssl rand -hex 32 \| .*config set --secret bramble:rootSecret/);
    if (bad !== "") t.false(error.message.includes(bad));
  }
});

test("no text of another form passes", (t) => {
  fc.assert(
    fc.property(fc.string({ maxLength: 80 }), (text) => {
      fc.pre(!/^[0-9a-f]{64}$/i.test(text.trim()));
      t.throws(() => parseRootSecret(text), { instanceOf: UserError });
    }),
  );
  t.pass();
});
