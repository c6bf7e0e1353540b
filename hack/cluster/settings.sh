# Settings of a one-node cluster; environment variables override them. All files are in the two folders.
: "${CLUSTER_CACHE:=${XDG_CACHE_HOME:-$HOME/.cache}/logout-operator/cluster}" # programs, pause image; kept
: "${CLUSTER_STATE:=${TMPDIR:-/tmp}/logout-operator-cluster}"                 # files of one cluster; removed
: "${CLUSTER_SUBNET:=10.99.0}" # .1 is the caller's end of the link, .2 the node
: "${CLUSTER_LINK:=locluster0}"
export CLUSTER_CACHE CLUSTER_STATE CLUSTER_SUBNET CLUSTER_LINK
node_ip=$CLUSTER_SUBNET.2
pods=10.244.0.0/24
services=10.96.0.0/24
kubernetes_service=10.96.0.1
pause_image=cluster.local/pause:v1
socket=$CLUSTER_STATE/containerd.sock
