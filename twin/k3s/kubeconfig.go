package main

import (
	"fmt"
	"os"
	"strconv"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// writeKubeconfig writes a kubeconfig that points to its certificates by path: they change in place when they are renewed.
func writeKubeconfig(path, server, caPath, certificatePath, keyPath string) error {
	return saveKubeconfig(path, 0o600,
		clientcmdapi.Cluster{Server: server, CertificateAuthority: caPath},
		clientcmdapi.AuthInfo{ClientCertificate: certificatePath, ClientKey: keyPath})
}

// writeAdminKubeconfig writes the one for people, which holds all it needs.
func writeAdminKubeconfig(n *node, port string) error {
	mode, err := strconv.ParseUint(n.text("write-kubeconfig-mode", "600"), 8, 32)
	if err != nil || mode > 0o777 {
		return fmt.Errorf("write-kubeconfig-mode: %q is not a file mode", n.text("write-kubeconfig-mode", ""))
	}
	var contents [3][]byte
	for index, name := range []string{"server-ca.crt", "client-admin.crt", "client-admin.key"} {
		if contents[index], err = os.ReadFile(n.tlsPath(name)); err != nil {
			return err
		}
	}
	return saveKubeconfig(n.text("write-kubeconfig", defaultKubeconfig), os.FileMode(mode),
		clientcmdapi.Cluster{Server: "https://127.0.0.1:" + port, CertificateAuthorityData: contents[0]},
		clientcmdapi.AuthInfo{ClientCertificateData: contents[1], ClientKeyData: contents[2]})
}

func saveKubeconfig(path string, mode os.FileMode, cluster clientcmdapi.Cluster, user clientcmdapi.AuthInfo) error {
	config := clientcmdapi.NewConfig()
	config.Clusters["default"] = &cluster
	config.AuthInfos["default"] = &user
	config.Contexts["default"] = &clientcmdapi.Context{Cluster: "default", AuthInfo: "default"}
	config.CurrentContext = "default"
	content, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	return writeFile(path, content, mode)
}

// newClient makes a Kubernetes client that does not slow itself down: the launcher's few calls are all on the way to Ready.
func newClient(kubeconfig string) (*kubernetes.Clientset, *rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, nil, err
	}
	config.QPS, config.Burst = 50, 100
	client, err := kubernetes.NewForConfig(config)
	return client, config, err
}
