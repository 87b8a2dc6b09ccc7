import { dirname, join } from "node:path";

/** The project's root. Pulumi runs the program with stacks/ as its working directory, so nothing here may rely on that. */
export const root = dirname(import.meta.dirname);

/** What this checkout keeps between commands: Pulumi's home and state, twins. Never committed. */
export const stateDirectory = join(root, ".bramble");
