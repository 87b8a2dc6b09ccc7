import { local, type types } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { programPath } from "./program-path.ts";

/**
 * A resource that runs programs of ours. Commands and paths are relative to stacks/, where Pulumi starts its plugins (see
 * `programPath`), and `node` is the one that runs this program: the state names no path of any machine.
 * @param program.create path and arguments below stacks/, for creates and updates
 * @param program.input goes to stdin as JSON, as a secret
 */
export function stackCommand(
  name: string,
  program: {
    create: string;
    delete?: string;
    input: unknown;
    environment: Record<string, string>;
    logging: types.enums.local.Logging;
  },
  options: pulumi.CustomResourceOptions,
): local.Command {
  return new local.Command(
    name,
    {
      create: `node ${programPath(program.create)}`,
      ...(program.delete === undefined ? {} : { delete: `node ${programPath(program.delete)}` }),
      stdin: pulumi.secret(JSON.stringify(program.input)),
      environment: program.environment,
      logging: program.logging,
      addPreviousOutputInEnv: false,
    },
    // The provider marks neither as secret, whatever went in.
    { ...options, additionalSecretOutputs: ["stdout", "stderr"] },
  );
}
