/**
 * The versions that the offline plugins stand in for. The engine asks for the provider versions that the npm packages
 * name (a test holds the two together), and for the language host of its own version.
 */
export const pulumiVersion = "3.259.0";
export const commandVersion = "1.2.1";
export const kubernetesVersion = "4.34.2";
