import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { root } from "../../stacks/root.ts";

const read = (file: string) => readFileSync(join(root, file), "utf8");
const page = read("docs/library.md");

test("the program on the page is the one that the tests install the package into", (t) => {
  const program = read("test/package/program/index.ts")
    .trimEnd()
    .replaceAll(/^(?=.)/gm, "    ");
  t.true(page.includes(program));
});

test("the page names everything that the package exports, and nothing else", (t) => {
  const exported = ["stacks/library.ts", "scripts/lib/results/reader.ts"].flatMap((file) =>
    [...read(file).matchAll(/^export \{([^}]+)\}/gm)].flatMap(([, names = ""]) =>
      names
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name !== "" && !name.startsWith("type ")),
    ),
  );
  const table = /## Names\n([\s\S]*?)\n## /.exec(page)?.[1] ?? "";
  const named = [...table.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name).filter((name) => name !== "bramble");
  t.deepEqual(named.sort(), exported.sort());
});

test("every page that it links to is there", (t) => {
  for (const [, file = ""] of page.matchAll(/\]\(([^)#]+)\)/g)) t.true(existsSync(join(root, "docs", file)), file);
});
