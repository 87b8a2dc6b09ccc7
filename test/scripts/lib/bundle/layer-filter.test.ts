import { buffer } from "node:stream/consumers";
import { Readable } from "node:stream";
import test from "ava";
import fc from "fast-check";
import { extract, type Header } from "tar-stream";
import { withoutEntries, type LayerEntry } from "../../../../scripts/lib/bundle/layer-filter.ts";
import { tarOf } from "./fake-internet.ts";

interface Entry extends Partial<Header> {
  readonly name: string;
  readonly content?: string;
}

async function filtered(tar: Buffer, leaveOut: (name: string) => boolean, pieces = 65_536, seen: LayerEntry[] = []) {
  const source = async function* () {
    await Promise.resolve();
    for (let at = 0; at < tar.length; at += pieces) yield tar.subarray(at, at + pieces);
  };
  return await buffer(withoutEntries(source(), leaveOut, (entry) => seen.push(entry)));
}

async function entriesOf(tar: Buffer): Promise<unknown[]> {
  const entries = extract();
  Readable.from([tar]).pipe(entries);
  const found = [];
  for await (const entry of entries) {
    // Where it lies is all that may differ.
    const header = { ...entry.header, byteOffset: 0 };
    found.push({ header, content: (await buffer(entry as AsyncIterable<Buffer>)).toString("hex") });
  }
  return found;
}

const name = fc.array(fc.constantFrom("usr", "lib", "ollama", "cuda_v12", "ü", "x".repeat(120), "a b"), {
  minLength: 1,
  maxLength: 5,
});
const entry = fc.record({
  path: name,
  type: fc.constantFrom("file", "directory", "symlink", "link", "fifo", "character-device"),
  size: fc.integer({ min: 0, max: 3000 }),
  mode: fc.integer({ min: 1, max: 0o7777 }),
  uid: fc.integer({ min: 0, max: 0o777777 }),
  linkname: name,
  pax: fc.option(fc.record({ "SCHILY.xattr.user.note": fc.string({ unit: "grapheme" }) }), { nil: undefined }),
});

test("any archive without some entries has all the others, the same bytes, in whatever pieces it arrives", async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(entry, { maxLength: 12 }),
      fc.integer({ min: 1, max: 5000 }),
      fc.func(fc.boolean()),
      async (described, pieces, choose) => {
        const entries = described.map(({ path, type, size, linkname, ...rest }, index): Entry => {
          const header = { ...rest, name: `${index}/${path.join("/")}`, type } as Entry;
          if (type === "file") return { ...header, content: "c".repeat(size) };
          return type === "link" || type === "symlink" ? { ...header, linkname: linkname.join("/") } : header;
        });
        const left = new Set(entries.map((one) => one.name).filter((one) => choose(one)));
        const isLeft = (one: string) => left.has(one.replace(/\/$/, ""));
        const tar = await tarOf(entries);
        const seen: LayerEntry[] = [];
        const made = await filtered(tar, isLeft, pieces, seen);
        const expected = await tarOf(entries.filter((one) => !left.has(one.name)));
        t.true(made.equals(expected));
        t.deepEqual(await entriesOf(made), await entriesOf(expected));
        t.deepEqual(
          seen.map((one) => [one.name.replace(/\/$/, ""), one.left, one.bytes]),
          entries.map((one) => [one.name.replace(/\/$/, ""), left.has(one.name), (one.content ?? "").length]),
        );
        t.true((await filtered(tar, () => false, pieces)).equals(tar));
      },
    ),
    { numRuns: 60 },
  );
});

test("memory holds a piece, not the archive", async (t) => {
  const size = 0o2000000000; // 256 MiB
  const block = Buffer.alloc(1 << 20, "x");
  const head = await tarOf([{ name: "large", size: 0, content: "" }]);
  const header = Buffer.from(head.subarray(0, 512));
  header.write("02000000000 ", 124);
  header.fill(" ", 148, 156);
  header.write(
    `${[...header]
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0")}\0 `,
    148,
  );
  let sent = 0;
  let received = 0;
  let widest = 0;
  const source = async function* () {
    yield header;
    for (; sent < size; sent += block.length) {
      await Promise.resolve();
      yield block;
    }
    yield Buffer.alloc(1024);
  };
  for await (const chunk of withoutEntries(source(), () => false)) {
    received += chunk.length;
    widest = Math.max(widest, sent - received);
  }
  t.is(received, 512 + size + 1024);
  t.true(widest < 4 << 20, `${widest} bytes were held`);
});

test("an archive that is cut short or none at all is an error", async (t) => {
  const tar = await tarOf([{ name: "file", content: "c".repeat(5000) }]);
  await t.throwsAsync(
    filtered(tar.subarray(0, 2000), () => false),
    { message: /is cut short/ },
  );
  await t.throwsAsync(
    filtered(Buffer.alloc(2048, "x"), () => false),
    { message: /Invalid tar header/ },
  );
  const broken = async function* () {
    yield tar.subarray(0, 600);
    await Promise.resolve();
    throw new Error("the disk is on fire");
  };
  await t.throwsAsync(buffer(withoutEntries(broken(), () => false)), { message: "the disk is on fire" });
});

test("a header that holds for all that follow stays when its first entry goes", async (t) => {
  const [first, second] = [await tarOf([{ name: "a", content: "1" }]), await tarOf([{ name: "b", content: "2" }])];
  const global = Buffer.from(
    (await tarOf([{ name: "pax_global_header", content: "15 comment=abc\n" }])).subarray(0, 1024),
  );
  global.write("g", 156);
  global.fill(" ", 148, 156);
  const sum = global.subarray(0, 512).reduce((all, byte) => all + byte, 0);
  global.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const tar = Buffer.concat([global, first.subarray(0, 1024), second]);
  t.true((await filtered(tar, (one) => one === "a")).equals(Buffer.concat([global, second])));
});
