import test from "ava";
import { findSettingChanges, findSettingFailures, readSettings } from "../../../../twin/plugins/kubernetes/settings.ts";
import { secret, unknownValue } from "../../../../twin/plugins/property-values.ts";

const kubeconfig = (server: string, { user = "u", namespace = "" } = {}) =>
  JSON.stringify({
    clusters: [{ name: "c", cluster: { server } }],
    users: [{ name: "u", user: { token: user } }],
    contexts: [
      { name: "x", context: { cluster: "c", user: "u", ...(namespace === "" ? {} : { namespace }) } },
      { name: "lost", context: { cluster: "none", user: "u" } },
    ],
    "current-context": "x",
  });
const [here, there] = [kubeconfig("https://here:6443"), kubeconfig("https://there:6443")];

test("with a clusterIdentifier that stays, nothing replaces", (t) => {
  const changes = findSettingChanges(
    { kubeconfig: here, clusterIdentifier: "a" },
    { kubeconfig: there, clusterIdentifier: "a" },
  );
  t.deepEqual(changes, { changed: ["kubeconfig"], replacing: [] });
  const unknown = findSettingChanges(
    { kubeconfig: here, clusterIdentifier: "a" },
    { kubeconfig: unknownValue, clusterIdentifier: "a" },
  );
  t.deepEqual(unknown, { changed: ["kubeconfig"], replacing: [] });
});

test("a clusterIdentifier that changes replaces; one that comes or goes does not by itself", (t) => {
  t.deepEqual(findSettingChanges({ clusterIdentifier: "a" }, { clusterIdentifier: "b" }).replacing, [
    "clusterIdentifier",
  ]);
  t.deepEqual(findSettingChanges({}, { clusterIdentifier: "b" }).replacing, []);
  t.deepEqual(findSettingChanges({ clusterIdentifier: "a" }, {}).replacing, []);
});

test("without one, another cluster in the kubeconfig replaces, other credentials do not, and the unknown does", (t) => {
  t.deepEqual(findSettingChanges({ kubeconfig: here }, { kubeconfig: secret(there) }).replacing, ["kubeconfig"]);
  const renewed = findSettingChanges(
    { kubeconfig: here },
    { kubeconfig: kubeconfig("https://here:6443", { user: "new" }) },
  );
  t.deepEqual(renewed, { changed: ["kubeconfig"], replacing: [] });
  t.deepEqual(findSettingChanges({ kubeconfig: here }, { kubeconfig: unknownValue }).replacing, ["kubeconfig"]);
  t.deepEqual(findSettingChanges({ kubeconfig: here }, { kubeconfig: here }), { changed: [], replacing: [] });
});

test("settings that are not offered are named, all at once, and those that say what is so anyway are not", (t) => {
  const failures = findSettingFailures({
    kubeconfig: secret(here),
    enableServerSideApply: "false",
    renderYamlToDirectory: "out",
    kubeClientSettings: "{}",
    skipUpdateUnreachable: "true",
    inventedHere: "x",
  });
  t.deepEqual(
    failures.map(({ property }) => property),
    ["enableServerSideApply", "renderYamlToDirectory", "kubeClientSettings", "skipUpdateUnreachable", "inventedHere"],
  );
  t.true(failures.every(({ reason }) => reason.includes("not offered by the offline")));
  t.deepEqual(findSettingFailures({ enableServerSideApply: "true", alwaysRender: "false", version: "4.34.2" }), []);
});

test("the default namespace is the Provider's, else the context's, else default", (t) => {
  const read = (variables: Record<string, string>) =>
    readSettings(new Map(Object.entries(variables).map(([name, value]) => [`kubernetes:config:${name}`, value])));
  const lab = kubeconfig("https://here", { namespace: "lab" });
  t.is(read({ kubeconfig: lab, namespace: "mine" }).defaultNamespace, "mine");
  t.is(read({ kubeconfig: lab }).defaultNamespace, "lab");
  t.is(read({ kubeconfig: here }).defaultNamespace, "default");
  t.is(read({}).defaultNamespace, "");
  t.like(read({ enableConfigMapMutable: "true", upsertExistingObjects: "true" }), {
    mutable: { configMaps: true, secrets: false },
    upsert: true,
    patchForce: false,
  });
});

test("a kubeconfig that names no cluster is none, and says so without repeating it", (t) => {
  const reason = (text: string, context = "") =>
    readSettings(
      new Map([
        ["kubernetes:config:kubeconfig", text],
        ["kubernetes:config:context", context],
      ]),
    ).noKubeconfigReason;
  t.is(reason(here), "");
  t.regex(reason(here, "lost"), /names no cluster/);
  t.regex(reason(""), /no kubeconfig/);
  t.is(reason("{ s3cret: ]"), "the kubeconfig cannot be parsed");
});
