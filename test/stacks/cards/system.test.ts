import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { recogniseSystem } from "../../../stacks/cards/system.ts";
import { root } from "../../../stacks/root.ts";
import { UserError } from "../../../stacks/user-error.ts";

type Files = Readonly<Record<string, string>>;

const issue = (date: string, stage: string) =>
  `Raspberry Pi reference ${date}\nGenerated using pi-gen, https://github.com/RPi-Distro/pi-gen, 0123abc, ${stage}\n`;
const seed = { "user-data": "#cloud-config\n", "meta-data": "", "network-config": "" };
const trixie: Files = {
  "issue.txt": issue("2025-11-24", "stage2"),
  "cmdline.txt": "console=tty1 rootwait\n",
  "config.txt": "[all]\n",
  "kernel_2712.img": "",
  "kernel8.img": "",
  "overlays/vc4-kms-v3d.dtbo": "",
  ...seed,
};
const noble: Files = {
  "cmdline.txt": "console=tty1 root=LABEL=writable rootwait fixrtc\n",
  "config.txt": "[all]\n",
  vmlinuz: "",
  "initrd.img": "",
  "bcm2712-rpi-5-b.dtb": "",
  ...seed,
};
const questing: Files = {
  "config.txt": "[all]\nos_prefix=current/\n",
  "current/cmdline.txt": noble["cmdline.txt"] ?? "",
  "current/vmlinuz": "",
  "current/bcm2712-rpi-5-b.dtb": "",
  ...seed,
};

function recognise(files: Files) {
  return recogniseSystem("os.img", Object.keys(files), (name) => Promise.resolve(files[name]));
}

function without(files: Files, ...names: string[]): Files {
  return Object.fromEntries(Object.entries(files).filter(([name]) => !names.includes(name)));
}

test("each system is known by its files", async (t) => {
  t.is(await recognise(trixie), "raspberry-pi-os");
  t.is(await recognise(noble), "ubuntu");
  t.is(await recognise(questing), "ubuntu-ab");
});

test("FAT knows no case", async (t) => {
  const upper = Object.fromEntries(Object.entries(noble).map(([name, text]) => [name.toUpperCase(), text]));
  t.is(await recognise(upper), "ubuntu");
});

test("the twin's own base image is Raspberry Pi OS", async (t) => {
  const folder = join(root, "twin", "base-image", "boot");
  const files = Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]));
  t.is(await recognise(files), "raspberry-pi-os");
});

const refused: [string, Files, RegExp][] = [
  [
    "Bookworm, and the first Trixie",
    without({ ...trixie, "issue.txt": issue("2025-10-01", "stage2") }, ...Object.keys(seed)),
    /os\.img: is Raspberry Pi OS, but lacks on its boot partition:\n {2}- user-data: cloud-init[^]*- network-config[^]*Next: use Raspberry Pi OS Lite \(64-bit\), Trixie, of 2025-11-24 or later/,
  ],
  ["an image without the Pi 5's kernel", without(trixie, "kernel_2712.img"), /kernel_2712\.img: the Pi 5's kernel/],
  ["Raspberry Pi OS with a desktop", { ...trixie, "issue.txt": issue("2025-11-24", "stage4") }, /with a desktop/],
  ["Ubuntu 22.04", without(noble, "bcm2712-rpi-5-b.dtb"), /is Ubuntu[^]*the Pi 5's device tree[^]*24\.04 or later/],
  ["Ubuntu 25.10 without a seed", without(questing, "user-data"), /is Ubuntu[^]*- user-data/],
  [
    "Ubuntu's desktop",
    { ...questing, "current/cmdline.txt": "console=tty1 quiet splash\n" },
    /is Ubuntu[^]*is the desktop edition/,
  ],
  [
    "an image of another kind",
    { "EFI/BOOT/BOOTAA64.EFI": "", "startup.nsh": "" },
    /has none of\n {2}- issue\.txt[^]*- current\/vmlinuz[^]*- vmlinuz[^]*but holds EFI\/BOOT\/BOOTAA64\.EFI, startup\.nsh\n {2}Next: use Raspberry Pi OS Lite[^]*; or use Ubuntu Server[^;]*$/,
  ],
  ["an empty partition", {}, /but is empty/],
];
for (const [title, files, message] of refused)
  test(`${title} is refused: what was looked for, and what to use`, async (t) => {
    await t.throwsAsync(recognise(files), { instanceOf: UserError, message });
  });

test("a long listing is cut", async (t) => {
  const files = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`file-${index}`, ""]));
  await t.throwsAsync(recognise(files), { message: /and 38 more/ });
});
