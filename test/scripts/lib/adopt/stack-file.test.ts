import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { withAdoptedNode, writeAdoptedNode } from "../../../../scripts/lib/adopt/stack-file.ts";

const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBbx9fkPY7mDXRi+9BSWtwil5NqYpqc4N2fUqXDG+yMO";
const text = `# The barn's cluster.
encryptionsalt: v1:abc
config:
  bramble:rootSecret:
    secure: v1:${"x".repeat(200)}
  bramble:site:
    # a site
    name: barn
    nodes:
      pi-1: { role: server, address: 192.168.7.11 } # in the attic
      # The old one.
      pi-2:
        role: agent
        # by the door
        address: 192.168.7.12
    network:
      prefix: 24
`;

test("a node's key, account and port are added, and every other line stays", (t) => {
  const after = withAdoptedNode(text, "Pulumi.barn.yaml", "pi-2", { hostKey, user: "ubuntu", port: 2022 });
  const added = `        hostKey: ${hostKey}\n        user: ubuntu\n        port: 2022\n`;
  t.is(after, text.replace("        address: 192.168.7.12\n", `        address: 192.168.7.12\n${added}`));
});

test("what is the site's own is not repeated, and what was there before goes", (t) => {
  const adopted = withAdoptedNode(text, "Pulumi.barn.yaml", "pi-2", { hostKey: "old", user: "ubuntu", port: 2022 });
  const again = withAdoptedNode(adopted, "Pulumi.barn.yaml", "pi-2", { hostKey, user: undefined, port: undefined });
  t.is(again, text.replace("address: 192.168.7.12\n", `address: 192.168.7.12\n        hostKey: ${hostKey}\n`));
});

test("a node on one line stays on one line", (t) => {
  const after = withAdoptedNode(text, "Pulumi.barn.yaml", "pi-1", { hostKey, user: undefined, port: undefined });
  const line = `pi-1: { role: server, address: 192.168.7.11, hostKey: ${hostKey} } # in the attic`;
  t.is(after, text.replace("pi-1: { role: server, address: 192.168.7.11 } # in the attic", line));
});

test("a file that does not hold the node is refused", (t) => {
  for (const broken of [text.replace("pi-2", "pi-3"), "config: [", ""])
    t.throws(() => withAdoptedNode(broken, "Pulumi.barn.yaml", "pi-2", { hostKey, user: undefined, port: undefined }), {
      message:
        /^Pulumi\.barn\.yaml: does not hold config\.bramble:site\.nodes\.pi-2 .*\n {2}Next: write the node there/,
    });
});

test("the file is replaced at once, keeps its mode, and is left alone when nothing changes", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "bramble-stack-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  const file = join(directory, "Pulumi.barn.yaml");
  writeFileSync(file, text);
  chmodSync(file, 0o640);
  const adopted = { hostKey, user: undefined, port: undefined };
  t.true(writeAdoptedNode(file, "pi-2", adopted));
  t.is(statSync(file).mode & 0o777, 0o640);
  const { ino } = statSync(file);
  t.false(writeAdoptedNode(file, "pi-2", adopted));
  t.is(statSync(file).ino, ino);
  t.true(readFileSync(file, "utf8").includes(hostKey));
  t.deepEqual(readdirSync(directory), ["Pulumi.barn.yaml"]);
});
