"""Hands etcd's leadership over to another member where this server leads, so that nobody has to elect a leader while it is away.

Asks etcd over its own HTTP gateway (https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/), with the certificate that K3s
keeps for its clients. payload: heirs, names of nodes in the order in which they are to be asked. Reports {"heir": the node that
leads now, or null where this one did not lead}, or {"failed": why}.
"""

import json
import ssl
import urllib.request

TLS = "/var/lib/rancher/k3s/server/tls/etcd"
# K3s gives HTTP a port of its own where etcd can serve it apart from gRPC (k3s-io/k3s, pkg/etcd/etcd.go, ListenClientHTTPURLs).
PORTS = (2382, 2379)
LIMIT = 5


def main(payload):
    try:
        print(json.dumps({"heir": hand_over(payload["heirs"])}))
    except (OSError, KeyError, ValueError) as error:
        print(json.dumps({"failed": str(error)}))


def hand_over(heirs):
    context = ssl.create_default_context(cafile=TLS + "/server-ca.crt")
    context.load_cert_chain(TLS + "/client.crt", TLS + "/client.key")
    ask = gateway(context)
    status = ask("maintenance/status", {})
    if status["leader"] != status["header"]["member_id"]:
        return None
    members = ask("cluster/member/list", {})["members"]
    for heir in heirs:
        for member in members:
            # K3s calls a node's member <node>-<8 hexadecimal digits>.
            if member.get("name", "").rpartition("-")[0] == heir and not member.get("isLearner"):
                ask("maintenance/transfer-leadership", {"targetID": member["ID"]})
                return heir
    raise ValueError("none of %s is a member" % ", ".join(heirs))


def gateway(context):
    def on(port):
        def ask(path, request):
            url = "https://127.0.0.1:%d/v3/%s" % (port, path)
            with urllib.request.urlopen(url, json.dumps(request).encode(), LIMIT, context=context) as answer:
                return json.load(answer)

        return ask

    failures = []
    for port in PORTS:
        try:
            on(port)("maintenance/status", {})
            return on(port)
        except (OSError, ValueError) as error:
            failures.append(str(error))
    raise OSError("; ".join(failures))
