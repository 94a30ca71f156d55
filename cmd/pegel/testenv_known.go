package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"pegel/testenv/known"
)

// standstill is that of the servers with known response times: one second in ten.
var standstill = known.Freeze{Every: 10 * time.Second, For: time.Second, Service: time.Millisecond}

func knownCommand(env environment) *cobra.Command {
	var port int
	var seed uint64
	cmd := &cobra.Command{
		Use:   "known",
		Short: "run a server whose response times are known, to hold a load generator against",
		Long: `Runs an HTTP server on 127.0.0.1 whose response times are known, to hold this or any other load
generator against. It answers with 1 KiB:

  /now                             at once
  /freeze                          in 1 ms, but stands still for the first second of every ten
  /sleep?d=10ms                    after that delay
  /lognormal?median=20ms&p90=60ms  after a delay that is drawn
  /truth?of=ADDRESS                what the delays of an address really were, in seconds (JSON);
                                   the question mark in ADDRESS is written %3F, & is %26
  /phase                           how long ago the last standstill began, in seconds

docs/operations.md has the arithmetic of standstills.`,
		Args: exactly(0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				return err
			}
			server := &http.Server{Handler: known.NewServer(standstill, seed), ReadHeaderTimeout: time.Minute}
			ended := make(chan error, 1)
			go func() { ended <- server.Serve(l) }()
			fmt.Fprintf(env.stdout, "known    http://%s/\nCtrl-C ends it\n", l.Addr())
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			untilInterrupted(ctx, env)
			err = server.Close()
			if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
				err = errors.Join(err, served)
			}
			return err
		},
	}
	cmd.Flags().IntVar(&port, "port", 0, "port to listen on; 0: a free one")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "draws the delays")
	return cmd
}
