#!/usr/bin/env bash
# Writes the keys, certificates and kubeconfigs of one cluster to $CLUSTER_STATE/pki. They are valid for a week.
set -euo pipefail
. "$(dirname "$0")/settings.sh"
umask 077
mkdir -p "$CLUSTER_STATE/pki"
cd "$CLUSTER_STATE/pki"

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

# certify NAME SUBJECT USAGE [ALTERNATIVE NAMES]
certify() {
  new_key "$1"
  openssl req -new -key "$1.key" -subj "$2" |
    openssl x509 -req -CA ca.crt -CAkey ca.key -CAcreateserial -days 7 -out "$1.crt" -extfile <(
      echo "basicConstraints = CA:FALSE"
      echo "keyUsage = digitalSignature"
      echo "extendedKeyUsage = $3"
      [ -z "${4:-}" ] || echo "subjectAltName = $4"
    )
}

# kubeconfig NAME SUBJECT
kubeconfig() {
  certify "$1" "$2" clientAuth
  cat >"$1.kubeconfig" <<EOF
apiVersion: v1
kind: Config
clusters:
- name: cluster
  cluster: {server: "https://$node_ip:6443", certificate-authority-data: $(base64 -w0 ca.crt)}
users:
- name: user
  user: {client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key")}
contexts:
- name: context
  context: {cluster: cluster, user: user}
current-context: context
EOF
}

new_key ca
openssl req -x509 -new -key ca.key -subj /CN=cluster -days 7 -out ca.crt \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
new_key service-accounts
certify apiserver /CN=kube-apiserver serverAuth \
  "IP:$node_ip,IP:$kubernetes_service,IP:127.0.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"
certify apiserver-to-kubelet /O=system:masters/CN=kube-apiserver clientAuth
kubeconfig admin /O=system:masters/CN=admin
kubeconfig controller-manager /CN=system:kube-controller-manager
kubeconfig scheduler /CN=system:kube-scheduler
kubeconfig proxy /CN=system:kube-proxy
kubeconfig kubelet /O=system:nodes/CN=system:node:node
