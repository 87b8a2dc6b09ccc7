package main

import (
	"slices"
	"testing"

	"github.com/spf13/cobra"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
)

// TestKubeletArguments holds what a site sets through kubelet-arg against the flags of the kubelet that is built in:
// each Kubernetes line drops some.
func TestKubeletArguments(t *testing.T) {
	config, err := options.NewKubeletConfiguration()
	if err != nil {
		t.Fatal(err)
	}
	flags := (&cobra.Command{}).Flags()
	options.NewKubeletFlags().AddFlags(flags)
	options.AddKubeletConfigFlags(flags, config)
	if err := flags.Parse(mergeArguments([]string{"max-pods=110"}, []string{
		"eviction-hard=memory.available<100Mi,nodefs.available<10%,imagefs.available<15%",
		"system-reserved=cpu=250m,memory=512Mi",
		"kube-reserved=cpu=100m,memory=256Mi",
		"image-gc-high-threshold=85",
		"image-gc-low-threshold=80",
		"container-log-max-size=10Mi",
		"container-log-max-files=3",
		"--max-pods=40",
	})); err != nil {
		t.Fatal(err)
	}
	for what, held := range map[string]bool{
		"eviction-hard":           config.EvictionHard["memory.available"] == "100Mi" && config.EvictionHard["imagefs.available"] == "15%",
		"system-reserved":         config.SystemReserved["cpu"] == "250m" && config.SystemReserved["memory"] == "512Mi",
		"kube-reserved":           config.KubeReserved["memory"] == "256Mi",
		"image-gc-high-threshold": config.ImageGCHighThresholdPercent == 85,
		"image-gc-low-threshold":  config.ImageGCLowThresholdPercent == 80,
		"container-log-max-size":  config.ContainerLogMaxSize == "10Mi",
		"container-log-max-files": config.ContainerLogMaxFiles == 3,
		"max-pods":                config.MaxPods == 40,
	} {
		if !held {
			t.Errorf("%s did not reach the kubelet's configuration", what)
		}
	}
}

func TestFindUnheeded(t *testing.T) {
	for _, test := range []struct{ given, want []string }{
		{[]string{"max-pods=40", "system-reserved=cpu=1"}, nil},
		{[]string{"--eviction-hard=a<1%", "max-pods=40", "image-gc-low-threshold=70"}, []string{"eviction-hard", "image-gc-low-threshold"}},
		{[]string{"eviction-hard=a<1%", "local-storage-capacity-isolation=false"}, []string{"eviction-hard"}},
		{[]string{"eviction-hard=a<1%", "local-storage-capacity-isolation=true"}, nil},
		{[]string{"local-storage-capacity-isolation", "eviction-hard=a<1%"}, nil},
	} {
		if got := findUnheeded(test.given); !slices.Equal(got, test.want) {
			t.Errorf("%v: %v, not %v", test.given, got, test.want)
		}
	}
}
