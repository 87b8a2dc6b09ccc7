import pulumi from "@pulumi/eslint-plugin";
import tseslint from "typescript-eslint";

/** Data walks one way (README, The way through): what a folder may not import, and why. */
const directions = {
  workloads: { forbidden: "(stacks|scripts|twin)", why: "workloads run in the cluster and stand alone" },
  stacks: { forbidden: "(scripts|twin)", why: "the product knows neither its scripts nor the twin" },
  twin: { forbidden: "scripts", why: "nothing imports scripts" },
  scripts: {
    forbidden:
      "stacks/(main|site|experiment|library|serving|cards/card|nodes/(access|data-disk|preparation|reboot)|k3s/cluster|remote/(phase|stack)-command)\\.ts$",
    why: "scripts use configuration and renderers, never components",
  },
};

export default tseslint.config(
  { ignores: ["node_modules/", "dist/", "test/package/program/", ".bramble/", "results/"] },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { pulumi },
    rules: {
      "pulumi/no-output-in-template-literal": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-unnecessary-condition": [
        "error",
        { allowConstantLoopConditions: "only-allowed-literals" },
      ],
      "@typescript-eslint/consistent-type-definitions": "off",
      "no-restricted-syntax": [
        "error",
        {
          selector: "MemberExpression[object.name='process'][property.name='cwd']",
          message: "Pulumi runs the program in stacks/: start from `root` in stacks/root.ts.",
        },
        { selector: "ExportDefaultDeclaration", message: "Export by name." },
      ],
    },
  },
  ...Object.entries(directions).map(([folder, { forbidden, why }]) => ({
    files: [`${folder}/**/*.ts`],
    rules: {
      "no-restricted-imports": ["error", { patterns: [{ regex: `^\\.\\.?/(.*/)?${forbidden}`, message: why }] }],
    },
  })),
);
