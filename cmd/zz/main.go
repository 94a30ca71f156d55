package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime/pprof"
	"strings"
	"time"

	"pegel/cmd/pegel/accuracy"
)

func main() {
	n := flag.Int("n", 4, "")
	seed := flag.Uint64("seed", 1, "")
	fam := flag.String("f", "", "")
	v := flag.Bool("v", false, "")
	w := flag.Int("w", 2, "")
	prof := flag.String("prof", "", "")
	flag.Parse()
	if *prof != "" {
		f, _ := os.Create(*prof)
		pprof.StartCPUProfile(f)
		defer pprof.StopCPUProfile()
	}
	var fams []string
	if *fam != "" {
		fams = strings.Split(*fam, ",")
	}
	t := time.Now()
	trials, err := accuracy.Run(context.Background(), accuracy.Options{Seed: *seed, Platforms: *n, Families: fams, Workers: *w})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if *v {
		for _, t := range trials {
			fmt.Printf("%-9s %2d %.1f %-5v N*=%.0f %-8s det=%-5v %.0f (%.0f-%.0f) %+.1f%% low=%.0f res=%s why=%s %v\n", t.Family, t.Platform, t.Fraction, t.Counters, t.Truth, t.Cause, t.Determined, t.Users.P50, t.Users.P05, t.Users.P95, 100*(t.Users.P50/t.Truth-1), t.Lower, t.Resource, t.Why, t.Warnings)
		}
	}
	accuracy.WriteText(os.Stdout, trials, accuracy.Goals(trials), time.Since(t).Seconds())
}
