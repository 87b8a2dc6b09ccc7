// The inner loop: unit and property tests, no root, no network, under 30 s on two cores. Tests that start processes of
// their own are in ava.process.config.js, those that need the twin in ava.live.config.js; `npm test` runs all three.
export default {
  extensions: ["ts"],
  files: ["test/**/*.test.ts", "!test/**/*.process.test.ts", "!test/live/**"],
  timeout: "60s",
};
