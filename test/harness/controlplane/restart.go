package controlplane

import "errors"

// Halt ends both programs and keeps their data. While they are halted, you may copy and replace the files in
// [ControlPlane.DataDir]. Call Resume or Stop next.
func (cp *ControlPlane) Halt() error {
	return errors.Join(cp.env.ControlPlane.GetAPIServer().Stop(), cp.env.ControlPlane.Etcd.Stop())
}

// Resume restarts the programs that Halt has ended, at the same addresses and with the same certificates and keys, so
// that the access of all clients remains valid. It returns when the API server answers requests.
func (cp *ControlPlane) Resume() error {
	if err := cp.env.ControlPlane.Etcd.Start(); err != nil {
		return err
	}
	return cp.env.ControlPlane.GetAPIServer().Start()
}

// DataDir is where etcd stores its data.
func (cp *ControlPlane) DataDir() string { return cp.env.ControlPlane.Etcd.DataDir }
