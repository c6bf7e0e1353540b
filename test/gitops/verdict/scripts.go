package verdict

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/logout-operator/logout-operator/test/harness/gotool"
)

// ScriptFiles are the scripts in config/argocd, by the kind whose health they judge.
var ScriptFiles = map[string]string{
	"UserLogout":            "userlogout.lua",
	"ClusterLogoutProvider": "clusterlogoutprovider.lua",
}

// Scripts returns the scripts in config/argocd, by kind.
func Scripts(ctx context.Context) (map[string]string, error) {
	root, err := gotool.ModuleRoot(ctx)
	if err != nil {
		return nil, err
	}
	scripts := map[string]string{}
	for kind, file := range ScriptFiles {
		script, err := os.ReadFile(filepath.Join(root, "config", "argocd", file))
		if err != nil {
			return nil, fmt.Errorf("health script of %s: %w", kind, err)
		}
		scripts[kind] = string(script)
	}
	return scripts, nil
}
