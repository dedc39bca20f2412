import js from "@eslint/js";
import nx from "@nx/eslint-plugin";
import tseslint from "typescript-eslint";

/** Who may import whom, from the bottom of the house to the top. */
const layers = {
  schema: [],
  device: [],
  manifest: [],
  contract: ["schema"],
  ratio: ["schema", "contract"],
  gate: ["device"],
  residency: ["device", "gate"],
  engine: ["schema", "device"],
  harness: ["schema", "contract", "ratio", "engine", "device", "gate"],
  experiment: ["schema", "contract", "ratio", "engine", "harness", "device", "manifest"],
  app: ["schema", "device", "manifest", "contract", "ratio", "gate", "residency", "engine", "harness", "experiment"],
  workspace: [
    "schema",
    "device",
    "manifest",
    "contract",
    "ratio",
    "gate",
    "residency",
    "engine",
    "harness",
    "experiment",
    "app",
  ],
};

/** Sources that must run in a browser: no module of Node there. */
const pureSources = [
  "packages/workload-schema/src/**/*.ts",
  "packages/objective-contract/src/**/*.ts",
  "packages/ant-ratio/src/**/*.ts",
  "packages/cuda-gate/src/**/*.ts",
  "packages/manifest/src/**/*.ts",
  "packages/vram-residency/src/verify/**/*.ts",
];

export default tseslint.config(
  { ignores: ["**/dist/", "**/build/", "**/fixtures/", "**/coverage/", ".nx/"] },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/explicit-module-boundary-types": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/consistent-type-imports": "error",
      "no-restricted-syntax": [
        "error",
        { selector: "ExportAllDeclaration", message: "Name what is public: export { a, b } from." },
        { selector: "ExportDefaultDeclaration", message: "Named exports only." },
      ],
    },
  },
  {
    files: ["packages/*/src/**/*.ts", "tools/cli/src/**/*.ts"],
    plugins: { "@nx": nx },
    rules: {
      "@nx/enforce-module-boundaries": [
        "error",
        {
          enforceBuildableLibDependency: false,
          // The command imports packages where a command needs them: some actions statically, others late.
          checkDynamicDependenciesExceptions: [".*"],
          depConstraints: Object.entries(layers).map(([layer, below]) => ({
            sourceTag: `layer:${layer}`,
            onlyDependOnLibsWithTags: below.map((name) => `layer:${name}`),
          })),
        },
      ],
    },
  },
  {
    files: pureSources,
    ignores: ["packages/*/src/node/**", "packages/ant-ratio/src/report/**"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { regex: "^node:", message: "This package runs in browsers: what needs Node goes under src/node." },
            { regex: "/node/", message: "The pure core does not import the Node entry point." },
          ],
        },
      ],
    },
  },
  {
    files: ["**/test/**/*.ts", "**/*.test.ts"],
    rules: {
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/explicit-module-boundary-types": "off",
    },
  },
  {
    files: ["**/*.config.ts"],
    rules: { "no-restricted-syntax": "off" },
  },
  {
    files: ["**/*.js", "**/*.mjs", "**/*.cjs"],
    languageOptions: { globals: { process: "readonly", console: "readonly", URL: "readonly", Buffer: "readonly" } },
  },
);
