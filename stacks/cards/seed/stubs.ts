import { renderYaml } from "./yaml.ts";

const why =
  "# What was here for the first boot, keys among it, was taken away afterwards. This stays, so that cloud-init does not begin anew.";

/**
 * What lies in user-data's place once first boot is over. cloud-init reads it at each boot: of what it does then, not once for
 * the instance, this keeps the hostname and leaves the SSH host keys alone whatever else happens.
 */
export function userDataStub(node: string): string {
  const data = {
    hostname: node,
    preserve_hostname: false,
    manage_etc_hosts: "localhost",
    ssh_deletekeys: false,
    // The key is there, so none is made.
    ssh_genkeytypes: ["ed25519"],
  };
  return `#cloud-config\n${why}\n${renderYaml(data)}`;
}

/**
 * What lies in network-config's place where a key of a Wi-Fi network was in it. The network stays as first boot set it up
 * (cloud-init, stages.py, _find_networking_config: `config: disabled` writes nothing).
 */
export const networkConfigStub = `${why}\n${renderYaml({ network: { config: "disabled" } })}`;
