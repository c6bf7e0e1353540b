#!/usr/bin/env bash
# The first process of the node, in its own namespaces. It sets up mounts and network, and starts the programs. When it
# ends, they end too.
set -euo pipefail
. "$(dirname "$0")/settings.sh"
pki=$CLUSTER_STATE/pki
hostname node

# Mounts that the node must not share with its host. They exist only in this mount namespace.
mounts() {
  local version_2= i=0 path setting
  [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ] || version_2=yes
  umount -R -l /sys
  mount -t sysfs sysfs /sys # of this network namespace
  if [ -n "$version_2" ]; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    # Only a cgroup without processes can pass controllers to its children.
    mkdir /sys/fs/cgroup/node
    while read -r process; do
      echo "$process" >/sys/fs/cgroup/node/cgroup.procs || true
    done </sys/fs/cgroup/cgroup.procs
    sed 's/\(^\| \)\(.\)/\1+\2/g' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
  else
    mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
    local controllers
    cut -d: -f2 /proc/self/cgroup | while read -r controllers; do
      [ -n "$controllers" ] || continue
      mkdir "/sys/fs/cgroup/${controllers#name=}"
      mount -t cgroup -o "$controllers" cgroup "/sys/fs/cgroup/${controllers#name=}"
    done
  fi
  mount -t tmpfs -o mode=755 tmpfs /run
  mkdir /run/lock /run/settings
  for path in /var/lib/kubelet /var/lib/cni; do
    mkdir -p "$path" "$CLUSTER_STATE$path"
    mount --bind "$CLUSTER_STATE$path" "$path"
  done
  : >"$CLUSTER_STATE/resolv.conf"
  mount --bind "$CLUSTER_STATE/resolv.conf" /etc/resolv.conf
  # The kubelet requires these kernel settings. Changing them would change the whole machine, so mount files with the
  # values over them.
  for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    echo "${setting#*=}" >"/run/settings/$((++i))"
    mount --bind "/run/settings/$i" "/proc/sys/${setting%=*}"
  done
  mount --make-rshared /
}

network() {
  local i
  ip link set lo up
  for ((i = 0; i < 200; i++)); do # until the caller has created the link
    ip link show eth0 >/dev/null 2>&1 && break
    sleep 0.05
  done
  ip addr add "$node_ip/30" dev eth0
  ip link set eth0 up
  ip route add "$services" dev eth0 src "$node_ip" # so that packets to a Service reach the address translation
  echo 1 >/proc/sys/net/ipv4/ip_forward
  mkdir -p "$CLUSTER_STATE/cni"
  cat >"$CLUSTER_STATE/cni/pods.conflist" <<EOF
{"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": "bridge", "bridge": "pods0", "isGateway": true, "hairpinMode": true,
  "ipam": {"type": "host-local", "ranges": [[{"subnet": "$pods"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
EOF
}

# start PROGRAM ARGUMENT...
start() { "$@" >"$CLUSTER_STATE/log/$(basename "$1").log" 2>&1 & }

# until_true COMMAND... for a minute at most
until_true() {
  local i
  for ((i = 0; i < 600; i++)); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.1
  done
  echo "in a minute not: $*"
  exit 1
}

runtime() {
  local cri=io.containerd.grpc.v1.cri images=sandbox_image="\"$pause_image\"" bin='bin_dir = "/usr/lib/cni"' version=2
  if containerd --version | grep -q ' v\?2\.'; then
    version=3 cri=io.containerd.cri.v1.runtime images= bin='bin_dirs = ["/usr/lib/cni"]'
  fi
  cat >"$CLUSTER_STATE/containerd.toml" <<EOF
version = $version
root = "$CLUSTER_STATE/containerd"
state = "/run/containerd"
[grpc]
address = "$socket"
[plugins."io.containerd.internal.v1.opt"]
path = "$CLUSTER_STATE/opt"
[plugins."$cri"]
restrict_oom_score_adj = true
disable_apparmor = true
$images
[plugins."$cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."$cri".cni]
conf_dir = "$CLUSTER_STATE/cni"
$bin
EOF
  if [ "$version" = 3 ]; then
    cat >>"$CLUSTER_STATE/containerd.toml" <<EOF
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "$pause_image"
EOF
  fi
  start containerd --config "$CLUSTER_STATE/containerd.toml"
  until_true ctr -a "$socket" version
  ctr -a "$socket" -n k8s.io images import --snapshotter overlayfs "$CLUSTER_CACHE/pause.tar"
}

control_plane() {
  start "$CLUSTER_CACHE/controlplane/etcd" --data-dir=/run/etcd --unsafe-no-fsync \
    --listen-peer-urls=http://127.0.0.1:2380 --listen-client-urls=http://127.0.0.1:2379 \
    --advertise-client-urls=http://127.0.0.1:2379
  start "$CLUSTER_CACHE/controlplane/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 \
    --advertise-address="$node_ip" --service-cluster-ip-range="$services" --authorization-mode=Node,RBAC \
    --enable-admission-plugins=NodeRestriction --client-ca-file="$pki/ca.crt" \
    --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
    --kubelet-client-certificate="$pki/apiserver-to-kubelet.crt" --kubelet-client-key="$pki/apiserver-to-kubelet.key" \
    --kubelet-preferred-address-types=InternalIP --service-account-issuer=https://kubernetes.default.svc \
    --service-account-key-file="$pki/service-accounts.key" \
    --service-account-signing-key-file="$pki/service-accounts.key"
  until_true grep -q 'Serving securely' "$CLUSTER_STATE/log/kube-apiserver.log"
  start "$CLUSTER_CACHE/kube-controller-manager" --kubeconfig="$pki/controller-manager.kubeconfig" \
    --leader-elect=false --use-service-account-credentials \
    --service-account-private-key-file="$pki/service-accounts.key" --root-ca-file="$pki/ca.crt" \
    --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key" \
    --kube-api-qps=200 --kube-api-burst=400 \
    --flex-volume-plugin-dir="$CLUSTER_STATE/volumeplugins"
  start "$CLUSTER_CACHE/kube-scheduler" --kubeconfig="$pki/scheduler.kubeconfig" --leader-elect=false
}

kubelet() {
  cat >"$CLUSTER_STATE/kubelet.yaml" <<EOF
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
failSwapOn: false
cgroupDriver: cgroupfs
containerRuntimeEndpoint: unix://$socket
address: $node_ip
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $pki/ca.crt}}
authorization: {mode: Webhook}
resolvConf: $CLUSTER_STATE/resolv.conf
podLogsDir: $CLUSTER_STATE/log/pods
volumePluginDir: $CLUSTER_STATE/volumeplugins
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
EOF
  start "$CLUSTER_CACHE/kubelet" --config="$CLUSTER_STATE/kubelet.yaml" --kubeconfig="$pki/kubelet.kubeconfig" \
    --hostname-override=node --node-ip="$node_ip"
  cat >"$CLUSTER_STATE/proxy.yaml" <<EOF
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {kubeconfig: $pki/proxy.kubeconfig}
hostnameOverride: node
clusterCIDR: $pods
nftables: {minSyncPeriod: 100ms}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
EOF
  start "$CLUSTER_CACHE/kube-proxy" --config="$CLUSTER_STATE/proxy.yaml"
}

mounts
network
runtime
control_plane
kubelet
while :; do wait -n || true; done # reaps orphaned processes
