import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import fc from "fast-check";
import { sshKeyFromSeed } from "../../../stacks/keys/ssh-key.ts";
import { testWithTools } from "../../with-tools.ts";

// RFC 8032, 7.1, test 1.
const seed = Buffer.from("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "hex");
const point = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

test("the public line holds RFC 8032's public key", (t) => {
  const [algorithm, blob = "", comment] = sshKeyFromSeed(seed, "pi-1@barn").publicKey.split(" ");
  t.is(algorithm, "ssh-ed25519");
  t.is(comment, "pi-1@barn");
  const expected = `0000000b${Buffer.from("ssh-ed25519").toString("hex")}00000020${point}`;
  t.is(Buffer.from(blob, "base64").toString("hex"), expected);
});

test("a private key is padded to whole blocks whatever its comment", (t) => {
  fc.assert(
    fc.property(fc.stringMatching(/^[!-~]{1,80}$/), (comment) => {
      const { privateKey } = sshKeyFromSeed(seed, comment);
      const bytes = Buffer.from(privateKey.split("\n").slice(1, -2).join(""), "base64");
      const prefix = 15 + 8 + 8 + 4 + 4 + 4 + 51; // magic, none, none, options, number, the public key with its length
      const length = bytes.readUInt32BE(prefix);
      t.is(bytes.length, prefix + 4 + length);
      t.is(length % 8, 0);
    }),
  );
});

test("a seed of another length, or a comment that could break the line, is refused", (t) => {
  t.throws(() => sshKeyFromSeed(seed.subarray(1), "a"), { message: /32 bytes/ });
  for (const comment of ["", "a b", "a\nssh-ed25519 AAAA", "ä"])
    t.throws(() => sshKeyFromSeed(seed, comment), { message: /not a key comment/ });
});

testWithTools(["ssh-keygen"], "OpenSSH reads the private key and finds the same public line", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "bramble-ssh-key-"));
  try {
    for (const comment of ["a", "pi-1@barn", "node-with-a-long-name@site-with-a-long-name"]) {
      const key = sshKeyFromSeed(seed, comment);
      const file = join(directory, comment);
      writeFileSync(file, key.privateKey, { mode: 0o600 });
      t.is(execFileSync("ssh-keygen", ["-y", "-f", file], { encoding: "utf8" }).trim(), key.publicKey);
      t.regex(
        execFileSync("ssh-keygen", ["-l", "-f", file], { encoding: "utf8" }),
        /^256 SHA256:\S+ \S+ \(ED25519\)\n$/,
      );
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});
