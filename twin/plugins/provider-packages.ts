import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import plugin from "@pulumi/pulumi/proto/plugin_pb.js";

interface Manifest {
  name: string;
  version: string;
  pulumi?: { resource?: boolean; name?: string; version?: string; server?: string };
}

/** The providers that the program's installed npm packages need: those whose package.json says `pulumi.resource`. */
export function findProviderPackages(programDirectory: string): plugin.PackageDependency[] {
  return nodeModules(programDirectory)
    .flatMap(packageDirectories)
    .flatMap((directory) => {
      const file = join(directory, "package.json");
      if (!existsSync(file)) return [];
      const manifest = JSON.parse(readFileSync(file, "utf8")) as Manifest;
      return manifest.pulumi?.resource === true ? [toDependency(manifest, manifest.pulumi)] : [];
    });
}

/** The nearest node_modules, as Node looks for it: the program may lie below its package's root. */
function nodeModules(directory: string): string[] {
  const here = join(directory, "node_modules");
  if (existsSync(here)) return [here];
  return dirname(directory) === directory ? [] : nodeModules(dirname(directory));
}

function packageDirectories(modules: string): string[] {
  return readdirSync(modules).flatMap((name) => {
    const path = join(modules, name);
    return name.startsWith("@") ? readdirSync(path).map((scoped) => join(path, scoped)) : [path];
  });
}

function toDependency(manifest: Manifest, described: NonNullable<Manifest["pulumi"]>): plugin.PackageDependency {
  const dependency = new plugin.PackageDependency();
  dependency.setName(described.name ?? manifest.name.replace(/^@[^/]+\//, ""));
  dependency.setKind("resource");
  dependency.setVersion(described.version ?? manifest.version);
  dependency.setServer(described.server ?? "");
  return dependency;
}
