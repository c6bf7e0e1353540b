package follow

import (
	"encoding/json"
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// received is the part of an object that is read; the rest is not needed, and can be most of the object. Spec and
// status are decoded separately, so that the name is known even if they cannot be decoded.
type received struct {
	Metadata struct {
		Namespace         string       `json:"namespace"`
		Name              string       `json:"name"`
		UID               types.UID    `json:"uid"`
		ResourceVersion   string       `json:"resourceVersion"`
		Generation        int64        `json:"generation"`
		CreationTimestamp metav1.Time  `json:"creationTimestamp"`
		DeletionTimestamp *metav1.Time `json:"deletionTimestamp"`
	} `json:"metadata"`
	Spec   json.RawMessage `json:"spec"`
	Status json.RawMessage `json:"status"`
}

// object returns the object. If there is an error, the object has only its metadata.
func (r *received) object() (*v1alpha1.UserLogout, error) {
	m := &r.Metadata
	obj := &v1alpha1.UserLogout{ObjectMeta: metav1.ObjectMeta{
		Namespace: m.Namespace, Name: m.Name, UID: m.UID, ResourceVersion: m.ResourceVersion,
		Generation: m.Generation, CreationTimestamp: m.CreationTimestamp, DeletionTimestamp: m.DeletionTimestamp,
	}}
	err := errors.Join(readPart(r.Spec, &obj.Spec), readPart(r.Status, &obj.Status))
	if err != nil {
		obj.Spec, obj.Status = v1alpha1.UserLogoutSpec{}, v1alpha1.UserLogoutStatus{}
	}
	return obj, err
}

// readPart decodes a part that may be missing.
func readPart(part json.RawMessage, into any) error {
	if len(part) == 0 {
		return nil
	}
	return json.Unmarshal(part, into)
}
