/**
 * The kernel's command line (cmdline.txt) of a card, from the image's: one line, in which each parameter of ours stands once.
 * - `cgroup_enable=memory`: a Raspberry Pi's device tree disables the memory controller, which K3s needs.
 * - `cfg80211.ieee80211_regdom=<country>`: where the node has Wi-Fi. Raspberry Pi OS keeps the radio off until there is a country
 *   (pi-gen, stage2/04-cloud-init/files/20-rpi-sync-regdom).
 * - `ds=nocloud;i=<instance-id>`: without it, cloud-init searches for its data source at each boot and can begin anew.
 */
export function editCommandLine(text: string, ours: { instanceId: string; country?: string | undefined }): string {
  // The firmware passes on the first line only, so nothing after it was ever in effect.
  const line = text.split(/[\r\n]+/).find((candidate) => candidate.trim() !== "") ?? "";
  // A parameter with spaces is quoted (kernel, admin-guide/kernel-parameters), and an open quote would swallow what we add.
  const closed = line.split('"').length % 2 === 0 ? `${line}"` : line;
  const parameters = closed.match(/(?:[^\s"]|"[^"]*")+/g) ?? [];
  const kept = parameters.filter(
    (parameter) => !/^(cgroup_(enable|disable)=memory$|ds=|cfg80211\.ieee80211_regdom=)/.test(parameter),
  );
  const { instanceId, country } = ours;
  return `${[
    ...kept,
    "cgroup_enable=memory",
    ...(country === undefined ? [] : [`cfg80211.ieee80211_regdom=${country}`]),
    `ds=nocloud;i=${instanceId}`,
  ].join(" ")}\n`;
}
