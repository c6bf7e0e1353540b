package cognito

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/logout-operator/logout-operator/test/chimetest"
)

// clients are AWS's own, each with the command that logs a user out. If it has none, it is not installed.
var clients = map[string]func(t *testing.T, endpoint, account, user string) *exec.Cmd{
	"boto3": func(t *testing.T, endpoint, account, user string) *exec.Cmd {
		return exec.CommandContext(t.Context(), python, filepath.Join("testdata", "logout.py"), endpoint, account, user)
	},
	"AWS CLI": func(t *testing.T, endpoint, account, user string) *exec.Cmd {
		return exec.CommandContext(t.Context(), python, "-m", "awscli", "chime", "logout-user", "--region", "us-east-1",
			"--endpoint-url", endpoint, "--account-id", account, "--user-id", user)
	},
	"SDK for JavaScript": func(t *testing.T, endpoint, account, user string) *exec.Cmd {
		if nodeSDK == "" {
			t.Skip("make cognito installs it, where node and npm are")
		}
		cmd := exec.CommandContext(t.Context(), "node", filepath.Join("testdata", "logout.js"), endpoint, account, user)
		cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(nodeSDK, "node_modules"))
		return cmd
	},
}

// TestClients: the fake LogoutUser service and AWS's own clients understand each other.
func TestClients(t *testing.T) {
	const (
		account = "12a3456b-7c89-012d-3456-78901e23fg45"
		odd     = "Jürgen O'Neil+test@example.com:1~(2)*!" // SDKs differ in what they escape
	)
	keys := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
	temporary := aws.Credentials{AccessKeyID: "ASIDEXAMPLE", SecretAccessKey: "another/secretEXAMPLEKEY",
		SessionToken: "FwoGZXIvYXdzEXAMPLE=="}
	wrong, expired := keys, temporary
	wrong.SecretAccessKey, expired.SessionToken = "wrong", "another"
	for name, command := range clients {
		for _, tc := range []struct {
			name, basePath, user string
			keys                 aws.Credentials
			status               int
			code                 string
		}{
			{"logged out", "", "jane", keys, 204, ""},
			{"odd name and base path", "/console", odd, keys, 204, ""},
			{"temporary keys", "", "jane", temporary, 204, ""},
			{"wrong secret key", "", "jane", wrong, 403, "SignatureDoesNotMatch"},
			{"wrong session token", "", "jane", expired, 403, "UnrecognizedClientException"},
			{"unknown user", "", "jim", keys, 404, "NotFoundException"},
		} {
			t.Run(name+"/"+tc.name, func(t *testing.T) {
				service := chimetest.NewServer(chimetest.Options{BasePath: tc.basePath,
					Credentials: []aws.Credentials{keys, temporary}})
				defer service.Close()
				users := []string{"jane", "john", odd}
				for _, user := range users {
					service.SignIn(account, user, "laptop", "phone")
				}
				cmd := command(t, service.URL, account, tc.user)
				if cmd.Env == nil {
					cmd.Env = os.Environ()
				}
				cmd.Env = append(cmd.Env, "AWS_ACCESS_KEY_ID="+tc.keys.AccessKeyID,
					"AWS_SECRET_ACCESS_KEY="+tc.keys.SecretAccessKey, "AWS_SESSION_TOKEN="+tc.keys.SessionToken)
				out, err := cmd.CombinedOutput()
				if (err == nil) != (tc.code == "") ||
					!strings.Contains(string(out), strings.TrimSuffix(tc.code, "Exception")) {
					t.Errorf("%v; it wrote:\n%s", err, out)
				}
				journal := service.Journal()
				if len(journal) != 1 || journal[0].Status != tc.status || journal[0].Code != tc.code ||
					journal[0].UserID != tc.user {
					t.Errorf("%+v, want %d %s for %s", journal, tc.status, tc.code, tc.user)
				}
				left := users
				if tc.code == "" {
					left = slices.DeleteFunc(slices.Clone(users), func(user string) bool { return user == tc.user })
				}
				for _, user := range users {
					want := 0
					if slices.Contains(left, user) {
						want = 2
					}
					if got := len(service.Sessions(account, user)); got != want {
						t.Errorf("%s has %d sessions, want %d", user, got, want)
					}
				}
			})
		}
	}
}
