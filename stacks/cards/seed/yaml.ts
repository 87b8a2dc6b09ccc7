import { Document, Scalar, visit } from "yaml";

// Words that no version of YAML takes for something else (`e42` is a number to some parsers of 1.1), and PEM files, which are written as blocks.
const needsNoQuotes =
  /^(?!(?:y|n|yes|no|on|off|true|false|null|e[+-]?\d+)$)[a-z][\w ./@+-]*$|^(?:[\w+/=-][\w+/= -]*\n)+$/i;

/**
 * YAML for cloud-init's parser, PyYAML. It reads YAML 1.1, where `no` and `1:30` are no strings unless quoted, and fails on some
 * that need no quotes by the standard (`=`, `<<`). So all but plain words are quoted, and within quotes all but ASCII is escaped:
 * PyYAML folds or refuses some of it.
 */
export function renderYaml(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_, scalar) => {
      if (typeof scalar.value === "string" && !needsNoQuotes.test(scalar.value)) scalar.type = Scalar.QUOTE_DOUBLE;
    },
  });
  const escape = (character: string) => `\\U${(character.codePointAt(0) ?? 0).toString(16).padStart(8, "0")}`;
  return document.toString({ lineWidth: 0 }).replace(/[^\n\x20-\x7e]/gu, escape);
}
