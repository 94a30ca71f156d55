// Command pegel drives simulated users across a groupware platform while a migration wave ramps, and forecasts at what
// load the platform degrades, why, and whether the next batch may come.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is the program's version; a release build sets it by -ldflags.
var version = "0.1.0"

func main() {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	code := run(context.Background(), os.Args[1:], environment{
		stdout: os.Stdout, stderr: os.Stderr, getenv: os.LookupEnv, signals: signals, typed: typed(os.Stdin),
	})
	os.Exit(code)
}
