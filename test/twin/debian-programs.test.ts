import test from "ava";
import { addedBy } from "../../twin/debian-programs.ts";

test("what installing would add is read from apt-get's simulation", (t) => {
  const listing = `NOTE: This is only a simulation!
Reading package lists...
The following NEW packages will be installed:
  chromium libflac12
Inst libflac12 (1.4.2+ds-2 Debian:12.15/oldstable [amd64])
Inst chromium [150.0] (156.0.8078.108-1~deb12u1 Debian-Security:12/oldstable-security [amd64]) []
Conf libflac12 (1.4.2+ds-2 Debian:12.15/oldstable [amd64])
`;
  t.deepEqual(addedBy(listing), ["chromium", "libflac12"]);
});

test("nothing is added where all is installed", (t) => {
  t.deepEqual(addedBy("0 upgraded, 0 newly installed, 0 to remove and 4 not upgraded.\n"), []);
});
