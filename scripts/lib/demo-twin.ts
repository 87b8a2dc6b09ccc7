import { join } from "node:path";
import { stateDirectory } from "../../stacks/root.ts";

/** The site's stack of the demo, and where its twin lies. */
export const demoSite = "twin";
export const demoDirectory = join(stateDirectory, "twins", "demo");
