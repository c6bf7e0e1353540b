// Keycloak prints the folder of a built Keycloak, for use as KEYCLOAK_HOME by test/keycloak. The first call fetches the
// distribution with Maven and builds it; later calls use the copy in the user's cache. Progress goes to standard error.
//
// Where Java or Maven is missing, it prints to standard error what is missing, and nothing to standard output: then
// there is nothing to test, and that is no failure.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	home, missing, err := find(ctx)
	stop()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "keycloak:", err)
		os.Exit(1)
	case missing != "":
		fmt.Fprintln(os.Stderr, "keycloak: skipped, because there is "+missing)
	default:
		fmt.Println(home)
	}
}
