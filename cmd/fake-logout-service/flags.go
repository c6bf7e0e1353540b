package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/logout-operator/logout-operator/test/chimetest"
)

// usageError is an error in the command line or the environment.
type usageError struct{ error }

// options holds the values of flags and environment.
type options struct {
	listen  string
	service chimetest.Options
	users   []signedIn
}

// signedIn is a user who is signed in at the start.
type signedIn struct {
	account, id string
	devices     []string
}

const usage = `fake-logout-service serves a fake of Amazon Chime's LogoutUser until it is
interrupted. It prints its URL, then one line of JSON for each call.

Calls have to be signed with the credentials in the environment variables
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary ones,
AWS_SESSION_TOKEN. Paths under ` + chimetest.AdminPrefix + ` script and inspect the service, without
authentication.

Flags:
`

// parse reads flags and environment. For -h it prints the help and returns flag.ErrHelp; every other error is a
// usageError.
func parse(args []string, getenv func(string) string, stdout io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("fake-logout-service", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main reports an error in one line
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8490", "`address` to listen on; port 0 chooses a free one")
	flags.StringVar(&o.service.BasePath, "base-path", "", "`path` before /accounts, for example /console")
	flags.StringVar(&o.service.Region, "region", "us-east-1", "`region` that calls have to be signed for")
	flags.Float64Var(&o.service.RateLimit, "rate-limit", 0,
		"`calls` a second that are taken, the others being throttled; 0 takes all")
	flags.Func("user", "`ACCOUNT/USER=DEVICE,…` to be signed in at the start; may be repeated",
		func(value string) error {
			u, err := parseUser(value)
			o.users = append(o.users, u)
			return err
		})

	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(stdout)
		_, _ = io.WriteString(stdout, usage)
		flags.PrintDefaults()
		return o, err
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err == nil {
		o.service.Credentials = []aws.Credentials{{
			AccessKeyID:     getenv("AWS_ACCESS_KEY_ID"),
			SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"),
			SessionToken:    getenv("AWS_SESSION_TOKEN"),
		}}
		err = o.check()
	}
	if err != nil {
		return o, usageError{err}
	}
	return o, nil
}

// check refuses values that are invalid, or that would have another effect than intended.
func (o options) check() error {
	path := o.service.BasePath
	switch {
	case path != "" && (path[0] != '/' || strings.HasSuffix(path, "/")):
		return fmt.Errorf("--base-path %q must begin with a slash and not end with one", path)
	case strings.HasPrefix(path+"/", chimetest.AdminPrefix):
		return fmt.Errorf("--base-path %q is taken by the admin surface", path)
	case o.service.Region == "":
		return errors.New("--region must not be empty")
	case !(o.service.RateLimit >= 0): // also true for NaN
		return fmt.Errorf("--rate-limit %v must not be negative", o.service.RateLimit)
	case o.service.Credentials[0].AccessKeyID == "" || o.service.Credentials[0].SecretAccessKey == "":
		return errors.New("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set")
	}
	return nil
}

// parseUser reads ACCOUNT/USER=DEVICE,DEVICE. Without =DEVICE the user is known, but signed in nowhere.
func parseUser(value string) (signedIn, error) {
	name, devices, _ := strings.Cut(value, "=")
	account, id, _ := strings.Cut(name, "/")
	if account == "" || id == "" || strings.Contains(id, "/") {
		return signedIn{}, errors.New("must be ACCOUNT/USER=DEVICE,DEVICE")
	}
	u := signedIn{account: account, id: id}
	if devices != "" {
		u.devices = strings.Split(devices, ",")
	}
	return u, nil
}
