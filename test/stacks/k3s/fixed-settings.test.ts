import test from "ava";
import { fixedSettingProblems } from "../../../stacks/k3s/fixed-settings.ts";
import { exampleSite } from "../keys/example.ts";
import { exampleK3s } from "../nodes/example-report.ts";

const decided = { secretsEncryption: true, clusterCidr: "10.42.0.0/16", serviceCidr: "10.43.0.0/16" };

test("what a cluster was made with may be asked for again", (t) => {
  t.deepEqual(fixedSettingProblems(exampleSite(), exampleK3s({ decided })), []);
  t.deepEqual(fixedSettingProblems(exampleSite(), exampleK3s({ decided: null })), []);
  const unknown = { secretsEncryption: null, clusterCidr: null, serviceCidr: null };
  t.deepEqual(fixedSettingProblems(exampleSite(), exampleK3s({ decided: unknown })), []);
});

test("each setting that was decided otherwise is named, with what it is and stays", (t) => {
  const site = exampleSite();
  site.k3s.secretsEncryption = false;
  site.k3s.clusterCidr = ["10.44.0.0/16", "fd00:44::/56"];
  site.k3s.serviceCidr = ["10.45.0.0/16"];
  t.deepEqual(fixedSettingProblems(site, exampleK3s({ decided })), [
    "k3s.secretsEncryption was decided when its cluster was made: it is true, and stays so; false takes a new cluster",
    "k3s.clusterCidr was decided when its cluster was made: it is 10.42.0.0/16, and stays so; 10.44.0.0/16,fd00:44::/56 takes a new cluster",
    "k3s.serviceCidr was decided when its cluster was made: it is 10.43.0.0/16, and stays so; 10.45.0.0/16 takes a new cluster",
  ]);
});
