#!/bin/sh
# Takes K3s off this node: its service, containers, mounts, interfaces, firewall rules and files. What it finds gone
# already is no error, so it can be run again. K3s's own uninstaller comes with an installer that Bramble does not use.
set -u

for unit in k3s.service k3s-agent.service; do
  systemctl disable --now "$unit" 2>/dev/null
done

# Pods and their shims outlive the service by design (KillMode=process).
container_pids() {
  for directory in /proc/[0-9]*; do
    if grep -q kubepods "$directory/cgroup" 2>/dev/null ||
      tr '\0' ' ' <"$directory/cmdline" 2>/dev/null | grep -q '^[^ ]*containerd-shim.* -address /run/k3s/'; then
      echo "${directory#/proc/}"
    fi
  done
}
for _ in 1 2 3; do
  pids=$(container_pids)
  [ -n "$pids" ] || break
  # shellcheck disable=SC2086 # one argument a process
  kill -9 $pids 2>/dev/null
  sleep 1
done

# Deepest first: what is mounted inside another comes off before it.
awk '{ print $2 }' /proc/mounts | grep -E '^(/run/k3s|/var/lib/rancher/k3s|/var/lib/kubelet|/run/netns/cni-)' | sort -r |
  while read -r mount; do
    umount "$mount" 2>/dev/null || umount -l "$mount"
  done
rm -rf /run/netns/cni-*

for interface in $(ip -o link show 2>/dev/null | awk -F': ' '{ print $2 }' | cut -d@ -f1); do
  case "$interface" in
    cni0 | flannel.* | flannel-* | kube-ipvs0) ip link delete "$interface" ;;
    *) ip -o link show "$interface" 2>/dev/null | grep -q 'master cni0' && ip link delete "$interface" ;;
  esac
done

for family in iptables ip6tables; do
  command -v "$family-save" >/dev/null || continue
  "$family-save" 2>/dev/null | grep -vE 'KUBE-|CNI-|flannel|k3s' | "$family-restore" 2>/dev/null
done

rm -rf /etc/rancher/k3s /etc/rancher/node /var/lib/rancher/k3s /var/lib/kubelet /run/k3s /run/flannel /var/lib/cni \
  /var/log/pods /var/log/containers
# Made before the phase had a record, when K3s was told of its place in the cluster.
rmdir /etc/rancher 2>/dev/null
# The kubelet makes it for volume plugins; others' plugins in it stay.
rmdir -p /usr/libexec/kubernetes/kubelet-plugins/volume/exec 2>/dev/null
# Agents' places in a cluster that is no more: when their server goes, nobody leaves it first.
rm -f /var/lib/bramble/phases/membership-*.json
systemctl daemon-reload
systemctl reset-failed k3s.service k3s-agent.service 2>/dev/null
exit 0
