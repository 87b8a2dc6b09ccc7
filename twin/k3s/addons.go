package main

import (
	"context"
	"embed"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"
)

//go:embed manifests/*.yaml
var manifests embed.FS

// packaged are the components that K3s deploys by itself; of these only CoreDNS is carried.
var packaged = []string{"coredns", "servicelb", "traefik", "local-storage", "metrics-server"}

// deployAddons brings the cluster to what the addons say, or removes what `disable` names.
func (s *server) deployAddons(ctx context.Context, client dynamic.Interface) error {
	disabled := s.items("disable")
	var missing []string
	for _, name := range packaged[1:] {
		if !slices.Contains(disabled, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		infof("Packaged components that the twin does not carry: %s (name them in disable to say so yourself)", strings.Join(missing, ", "))
	}
	if err := s.retry(ctx, "roles", func() error { return s.eachObject("roles", s.apply(ctx, client)) }); err != nil {
		return err
	}
	step := s.apply(ctx, client)
	if slices.Contains(disabled, "coredns") {
		step = remove(ctx, client)
	}
	return s.retry(ctx, "coredns", func() error { return s.eachObject("coredns", step) })
}

func (s *server) retry(ctx context.Context, what string, attempt func() error) error {
	quiet := &quietLog{}
	for {
		err := attempt()
		if err == nil {
			return nil
		}
		quiet.log("info", "Waiting to deploy %s: %v", what, err)
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

func (s *server) eachObject(addon string, step func(*unstructured.Unstructured) error) error {
	content, err := manifests.ReadFile("manifests/" + addon + ".yaml")
	if err != nil {
		return err
	}
	rendered := strings.NewReplacer("%{CLUSTER_DNS}%", s.clusterDNS[0], "%{CLUSTER_DOMAIN}%", s.clusterDomain).Replace(string(content))
	for _, document := range strings.Split(rendered, "\n---\n") {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
			return fmt.Errorf("manifests/%s.yaml: %w", addon, err)
		}
		if err := step(object); err != nil {
			return fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
	return nil
}

func (s *server) apply(ctx context.Context, client dynamic.Interface) func(*unstructured.Unstructured) error {
	options := metav1.PatchOptions{FieldManager: "deploy@" + s.name, Force: new(bool)}
	*options.Force = true
	return func(object *unstructured.Unstructured) error {
		content, err := object.MarshalJSON()
		if err != nil {
			return err
		}
		_, err = resourceOf(client, object).Patch(ctx, object.GetName(), types.ApplyPatchType, content, options)
		return err
	}
}

func remove(ctx context.Context, client dynamic.Interface) func(*unstructured.Unstructured) error {
	return func(object *unstructured.Unstructured) error {
		err := resourceOf(client, object).Delete(ctx, object.GetName(), metav1.DeleteOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	}
}

func resourceOf(client dynamic.Interface, object *unstructured.Unstructured) dynamic.ResourceInterface {
	plural, _ := meta.UnsafeGuessKindToResource(object.GroupVersionKind())
	if namespace := object.GetNamespace(); namespace != "" {
		return client.Resource(plural).Namespace(namespace)
	}
	return client.Resource(plural)
}
