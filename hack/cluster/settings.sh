# Settings of a one-node cluster; the environment goes before them. Nothing is written outside the two folders.
: "${CLUSTER_CACHE:=${XDG_CACHE_HOME:-$HOME/.cache}/logout-operator/cluster}" # programs and the pause image, kept
: "${CLUSTER_STATE:=${TMPDIR:-/tmp}/logout-operator-cluster}"                 # all of one cluster, removed with it
: "${CLUSTER_SUBNET:=10.99.0}" # .1 is the caller's end of the link, .2 the node
: "${CLUSTER_LINK:=locluster0}"
export CLUSTER_CACHE CLUSTER_STATE CLUSTER_SUBNET CLUSTER_LINK
node_ip=$CLUSTER_SUBNET.2
pods=10.244.0.0/24
services=10.96.0.0/24
kubernetes_service=10.96.0.1
pause_image=cluster.local/pause:v1
socket=$CLUSTER_STATE/containerd.sock
