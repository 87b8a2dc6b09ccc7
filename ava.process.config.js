// Tests that start processes of their own (mtools, python3, Pulumi's plugins, the benchmark's runner, Chromium): no root, no network.
export default {
  extensions: ["ts"],
  files: ["test/**/*.process.test.ts"],
  timeout: "120s",
};
