package controlplane

import "errors"

// Halt ends both programs and keeps what they have stored. While they are halted, the files in [ControlPlane.DataDir] may be
// copied and replaced. Stop may follow as well as Resume.
func (cp *ControlPlane) Halt() error {
	return errors.Join(cp.env.ControlPlane.GetAPIServer().Stop(), cp.env.ControlPlane.Etcd.Stop())
}

// Resume starts what Halt has ended, at the same addresses and with the same certificates and keys, so that the access of
// all clients remains valid. It returns when the API server answers requests.
func (cp *ControlPlane) Resume() error {
	if err := cp.env.ControlPlane.Etcd.Start(); err != nil {
		return err
	}
	return cp.env.ControlPlane.GetAPIServer().Start()
}

// DataDir is where etcd stores everything.
func (cp *ControlPlane) DataDir() string { return cp.env.ControlPlane.Etcd.DataDir }
