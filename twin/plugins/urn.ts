/** The type token of a resource, from its URN `urn:pulumi:stack::project::parentType$type::name`. */
export function resourceType(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

/** The resource's name, which may itself contain `::`. */
export function resourceName(urn: string): string {
  return urn.split("::").slice(3).join("::");
}
