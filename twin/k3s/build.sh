#!/bin/sh
# build.sh OUTDIR [1.34|1.35]: makes OUTDIR/k3s and OUTDIR/k3s-airgap-images-<arch>.tar of that Kubernetes line (1.34).
# Needs Go, apt and dpkg-deb; the Debian packages come from the machine's own sources, as its release has them.
set -eu
case $#:${2-1.34} in
[12]:1.34) modules=go.mod ;;
2:1.35) modules=go-1.35.mod ;;
*) echo "usage: $0 OUTDIR [1.34|1.35]" >&2; exit 2 ;;
esac
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
work=$(mktemp -d "$out/work.XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM

export GOTOOLCHAIN=local GOFLAGS=-mod=readonly CGO_ENABLED=0
arch=$(go env GOARCH)
kubernetes=$(go list -C "$here" -modfile="$modules" -m -f '{{.Version}}' k8s.io/kubernetes)
version=$kubernetes+k3s1
minor=${kubernetes#v1.}
minor=${minor%%.*}

suffix=
[ "$arch" = "$(dpkg --print-architecture)" ] || suffix=:$arch
mkdir "$work/debs" "$work/root"
# apt fetches as a user of its own by default, who cannot write here.
(cd "$work/debs" && apt-get download -qq -o APT::Sandbox::User=root "containerd$suffix" "runc$suffix" "containernetworking-plugins$suffix")
for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$work/root"; done

cd "$here"
component=k8s.io/component-base/version
client=k8s.io/client-go/pkg/version
symbols="-s -w -X main.version=$version"
for package in $component $client; do
  symbols="$symbols -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=$minor -X $package.gitTreeState=clean"
done
go build -modfile="$modules" -trimpath -buildvcs=false -ldflags "$symbols" -o "$work/k3s" .
# The images are the same in both lines, to the byte.
go build -trimpath -buildvcs=false -ldflags "-s -w" -o "$work/coredns" ./coredns
go build -trimpath -buildvcs=false -ldflags "-s -w" -o "$work/pause" ./pause
GOARCH=$(go env GOHOSTARCH) go build -trimpath -buildvcs=false -o "$work/pack" ./pack

bin=$work/root/usr/bin
cni=$work/root/usr/lib/cni
"$work/pack" payload "$work/k3s" "$bin/containerd" "$bin/containerd-shim-runc-v2" "$bin/ctr" "$work/root/usr/sbin/runc" \
  "$cni/bridge" "$cni/host-local" "$cni/loopback" "$cni/portmap"
TARGET_ARCH=$arch "$work/pack" images "$work/images.tar" \
  "docker.io/rancher/mirrored-pause:3.6=$work/pause" \
  "docker.io/rancher/mirrored-coredns-coredns:1.13.1=$work/coredns"

mv "$work/k3s" "$out/k3s"
mv "$work/images.tar" "$out/k3s-airgap-images-$arch.tar"
