// Unit and property tests: no root, no network, under 30 s. The live suite is in ava.live.config.js.
export default {
  extensions: ["ts"],
  files: ["test/**/*.test.ts", "!test/live/**"],
  timeout: "60s",
};
