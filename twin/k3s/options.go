package main

// kind says how an option takes its value.
type kind int

const (
	text kind = iota
	flag      // true unless =false
	list      // may be given many times
)

// support says what this stand-in does with an option that K3s has.
type support int

const (
	carried    support = iota
	unused             // accepted, said in the log, without effect here
	notCarried         // refused by name
)

type option struct {
	name, alias, environment string
	kind                     kind
	support                  support
}

var nodeOptions = []option{
	{name: "config", alias: "c", environment: "K3S_CONFIG_FILE"},
	{name: "debug", kind: flag, support: unused},
	{name: "v", support: unused},
	{name: "data-dir", alias: "d", environment: "K3S_DATA_DIR"},
	{name: "token", alias: "t", environment: "K3S_TOKEN"},
	{name: "token-file", environment: "K3S_TOKEN_FILE"},
	{name: "node-name", environment: "K3S_NODE_NAME"},
	{name: "node-ip", alias: "i", kind: list},
	{name: "node-label", kind: list},
	{name: "node-taint", kind: list},
	{name: "kubelet-arg", kind: list},
	{name: "kube-proxy-arg", kind: list},
	{name: "resolv-conf", environment: "K3S_RESOLV_CONF"},
	{name: "pause-image"},
	{name: "private-registry"},
	{name: "disable-default-registry-endpoint", kind: flag},
	{name: "flannel-iface", support: unused},
	{name: "prefer-bundled-bin", kind: flag, support: unused},

	{name: "airgap-extra-registry", kind: list, support: notCarried},
	{name: "alsologtostderr", kind: flag, support: notCarried},
	{name: "container-runtime-endpoint", support: notCarried},
	{name: "default-runtime", support: notCarried},
	{name: "docker", kind: flag, support: notCarried},
	{name: "flannel-cni-conf", support: notCarried},
	{name: "flannel-conf", support: notCarried},
	{name: "image-credential-provider-bin-dir", support: notCarried},
	{name: "image-credential-provider-config", support: notCarried},
	{name: "image-service-endpoint", support: notCarried},
	{name: "log", alias: "l", support: notCarried},
	{name: "node-external-dns", kind: list, support: notCarried},
	{name: "node-external-ip", kind: list, support: notCarried},
	{name: "node-internal-dns", kind: list, support: notCarried},
	{name: "nonroot-devices", kind: flag, support: notCarried},
	{name: "protect-kernel-defaults", kind: flag, support: notCarried},
	{name: "rootless", kind: flag, support: notCarried},
	{name: "selinux", kind: flag, support: notCarried},
	{name: "snapshotter", support: notCarried},
	{name: "vmodule", support: notCarried},
	{name: "vpn-auth", support: notCarried},
	{name: "vpn-auth-file", support: notCarried},
	{name: "with-node-id", kind: flag, support: notCarried},
}

var agentOptions = append([]option{
	{name: "server", alias: "s", environment: "K3S_URL"},
	{name: "lb-server-port", environment: "K3S_LB_SERVER_PORT"},
	{name: "disable-apiserver-lb", kind: flag, support: notCarried},
	{name: "bind-address", support: notCarried},
	{name: "enable-pprof", kind: flag, support: notCarried},
}, nodeOptions...)

var serverOptions = append([]option{
	{name: "server", alias: "s", environment: "K3S_URL"},
	{name: "cluster-init", kind: flag, environment: "K3S_CLUSTER_INIT"},
	{name: "cluster-reset", kind: flag, environment: "K3S_CLUSTER_RESET"},
	{name: "cluster-reset-restore-path"},
	{name: "etcd-arg", kind: list},
	{name: "etcd-expose-metrics", kind: flag},
	{name: "agent-token", environment: "K3S_AGENT_TOKEN"},
	{name: "agent-token-file", environment: "K3S_AGENT_TOKEN_FILE"},
	{name: "bind-address"},
	{name: "https-listen-port"},
	{name: "advertise-address"},
	{name: "tls-san", kind: list},
	{name: "cluster-cidr", kind: list},
	{name: "service-cidr", kind: list},
	{name: "service-node-port-range"},
	{name: "cluster-dns", kind: list},
	{name: "cluster-domain"},
	{name: "write-kubeconfig", alias: "o", environment: "K3S_KUBECONFIG_OUTPUT"},
	{name: "write-kubeconfig-mode", environment: "K3S_KUBECONFIG_MODE"},
	{name: "disable", kind: list},
	{name: "kube-apiserver-arg", kind: list},
	{name: "kube-controller-manager-arg", kind: list},
	{name: "kube-scheduler-arg", kind: list},
	{name: "secrets-encryption", kind: flag},
	{name: "disable-agent", kind: flag},
	{name: "etcd-disable-snapshots", kind: flag},
	{name: "etcd-snapshot-dir"},
	{name: "etcd-snapshot-name"},
	{name: "etcd-snapshot-retention"},
	{name: "etcd-snapshot-schedule-cron"},

	{name: "flannel-backend", support: unused},
	{name: "disable-cloud-controller", kind: flag, support: unused},
	{name: "disable-network-policy", kind: flag, support: unused},
	{name: "disable-helm-controller", kind: flag, support: unused},
	{name: "tls-san-security", kind: flag, support: unused},

	{name: "advertise-port", support: notCarried},
	{name: "datastore-cafile", support: notCarried},
	{name: "datastore-certfile", support: notCarried},
	{name: "datastore-endpoint", support: notCarried},
	{name: "datastore-keyfile", support: notCarried},
	{name: "default-local-storage-path", support: notCarried},
	{name: "disable-apiserver", kind: flag, support: notCarried},
	{name: "disable-controller-manager", kind: flag, support: notCarried},
	{name: "disable-etcd", kind: flag, support: notCarried},
	{name: "disable-kube-proxy", kind: flag, support: notCarried},
	{name: "disable-scheduler", kind: flag, support: notCarried},
	{name: "egress-selector-mode", support: notCarried},
	{name: "embedded-registry", kind: flag, support: notCarried},
	{name: "enable-pprof", kind: flag, support: notCarried},
	{name: "etcd-s3", kind: flag, support: notCarried},
	{name: "etcd-s3-access-key", support: notCarried},
	{name: "etcd-s3-bucket", support: notCarried},
	{name: "etcd-s3-bucket-lookup-type", support: notCarried},
	{name: "etcd-s3-config-secret", support: notCarried},
	{name: "etcd-s3-endpoint", support: notCarried},
	{name: "etcd-s3-endpoint-ca", support: notCarried},
	{name: "etcd-s3-folder", support: notCarried},
	{name: "etcd-s3-insecure", kind: flag, support: notCarried},
	{name: "etcd-s3-proxy", support: notCarried},
	{name: "etcd-s3-region", support: notCarried},
	{name: "etcd-s3-retention", support: notCarried},
	{name: "etcd-s3-secret-key", support: notCarried},
	{name: "etcd-s3-session-token", support: notCarried},
	{name: "etcd-s3-skip-ssl-verify", kind: flag, support: notCarried},
	{name: "etcd-s3-timeout", support: notCarried},
	{name: "etcd-snapshot-compress", kind: flag, support: notCarried},
	{name: "etcd-snapshot-reconcile-interval", support: notCarried},
	{name: "flannel-external-ip", kind: flag, support: notCarried},
	{name: "flannel-ipv6-masq", kind: flag, support: notCarried},
	{name: "helm-job-image", support: notCarried},
	{name: "kine-tls", kind: flag, support: notCarried},
	{name: "kube-cloud-controller-manager-arg", kind: list, support: notCarried},
	{name: "lb-server-port", environment: "K3S_LB_SERVER_PORT", support: notCarried},
	{name: "secrets-encryption-provider", support: notCarried},
	{name: "servicelb-namespace", support: notCarried},
	{name: "supervisor-metrics", kind: flag, support: notCarried},
	{name: "supervisor-port", support: notCarried},
	{name: "apiserver-port", support: notCarried},
	{name: "apiserver-bind-address", support: notCarried},
	{name: "system-default-registry", support: notCarried},
	{name: "write-kubeconfig-group", support: notCarried},
}, nodeOptions...)

// snapshotOptions are those of `k3s etcd-snapshot`. Server and token have names of their own, so that those of a
// server's config file, which may be another server's, don't count.
var snapshotOptions = []option{
	{name: "config", alias: "c", environment: "K3S_CONFIG_FILE"},
	{name: "debug", kind: flag, support: unused},
	{name: "data-dir", alias: "d", environment: "K3S_DATA_DIR"},
	{name: "node-name", environment: "K3S_NODE_NAME", support: unused},
	{name: "etcd-server", alias: "s"},
	{name: "etcd-token", alias: "t"},
	{name: "etcd-snapshot-dir", alias: "dir"},
	{name: "name"},
	{name: "output", alias: "o"},
	{name: "etcd-snapshot-retention", alias: "snapshot-retention"},

	{name: "alsologtostderr", kind: flag, support: notCarried},
	{name: "log", alias: "l", support: notCarried},
	{name: "etcd-snapshot-compress", alias: "snapshot-compress", kind: flag, support: notCarried},
	{name: "etcd-s3", alias: "s3", kind: flag, support: notCarried},
}

func findOption(options []option, name string) (option, bool) {
	for _, candidate := range options {
		if candidate.name == name || (candidate.alias != "" && candidate.alias == name) {
			return candidate, true
		}
	}
	return option{}, false
}
