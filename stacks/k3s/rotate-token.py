"""Has the K3s server on this node take another token, as `k3s token rotate` does (k3s-io/k3s, pkg/cli/token): a request to its own
supervisor. Not by that command, since its arguments, new token included, can be read by everybody on the node."""

import base64
import http.client
import json
import ssl

SERVER = "/var/lib/rancher/k3s/server"


def main(payload):
    """payload: newToken, a password. Prints {"failed": null}, or what K3s said."""
    with open(SERVER + "/token", encoding="ascii") as file:
        present = file.read().strip().rpartition(":")[2]
    trust = ssl.create_default_context(cafile=SERVER + "/tls/server-ca.crt")
    connection = http.client.HTTPSConnection("127.0.0.1", 6443, context=trust, timeout=60)
    credentials = base64.b64encode(("server:" + present).encode()).decode()
    body = json.dumps({"newToken": payload["newToken"]})
    connection.request("PUT", "/v1-k3s/token", body, {"Authorization": "Basic " + credentials})
    response = connection.getresponse()
    said = response.read().decode(errors="replace").strip()
    print(json.dumps({"failed": None if response.status == 200 else "%d %s: %s" % (response.status, response.reason, said)}))
