import { pbkdf2Sync } from "node:crypto";
import { UserError } from "../../user-error.ts";

/**
 * The key of a Wi-Fi network (WPA2-PSK) as 64 hexadecimal digits: PBKDF2-SHA1 over passphrase and network name, 4096 rounds
 * (IEEE 802.11i, annex H.4). It stands on the card in place of the passphrase, as rpi-imager does it; netplan's two backends
 * take it (wpa_supplicant: 64 digits are a key; NetworkManager, 802-11-wireless-security.psk: the same).
 * @throws UserError when the passphrase is missing or none; it is never shown
 */
export function wifiKey(ssid: string, passphrase: string | undefined): string {
  const where = "bramble:wifiPassword";
  if (passphrase === undefined)
    throw new UserError({
      what: `is missing; nodes with \`wifi: true\` join ${JSON.stringify(ssid)} with it`,
      where,
      next: "set it with `npm run pulumi -- config set --secret bramble:wifiPassword --stack <stack>`",
    });
  if (!/^[ -~]{8,63}$/.test(passphrase))
    throw new UserError({
      what: `is no Wi-Fi passphrase: that is 8 to 63 printable ASCII characters (it has ${passphrase.length} characters)`,
      where,
      next: "set the network's own with `npm run pulumi -- config set --secret bramble:wifiPassword --stack <stack>`",
    });
  return pbkdf2Sync(passphrase, ssid, 4096, 32, "sha1").toString("hex");
}
