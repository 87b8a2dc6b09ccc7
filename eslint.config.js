import pulumi from "@pulumi/eslint-plugin";
import { importX } from "eslint-plugin-import-x";
import tseslint from "typescript-eslint";

/** Which folder may import which: data walks one way (README, The way through). */
const directions = [
  { target: "./workloads", from: ["./stacks", "./scripts", "./twin"], message: "workloads stand alone" },
  { target: "./stacks", from: ["./scripts", "./twin"], message: "the product knows neither the scripts nor the twin" },
  { target: "./twin", from: ["./scripts"], message: "nothing imports scripts" },
  {
    target: "./scripts",
    from: ["./stacks/main.ts", "./stacks/site.ts", "./stacks/experiment.ts"],
    message: "scripts use config and renderers, never components",
  },
];

export default tseslint.config(
  { ignores: ["node_modules/", ".bramble/", "results/"] },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { pulumi, "import-x": importX },
    rules: {
      "pulumi/no-output-in-template-literal": "error",
      "import-x/no-restricted-paths": ["error", { basePath: import.meta.dirname, zones: directions }],
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
);
