// The live suite: real nodes on the twin, one file after the other. Started by `npm test` after the unit tests.
export default {
  extensions: ["ts"],
  files: ["test/live/**/*.test.ts"],
  concurrency: 1,
  failFast: false,
  timeout: "15m",
  verbose: true,
};
