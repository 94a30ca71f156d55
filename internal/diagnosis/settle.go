package diagnosis

import (
	"fmt"
	"strings"
	"time"

	"pegel/internal/judge"
)

// experiment is the command that drives the same scenario as one of the experiments that discriminate.
func (s *sight) experiment(name string) string {
	return fmt.Sprintf("pegel run %s --experiment %s", s.scenario, name)
}

// forecastWith asks the archive what a larger limit would bring.
func (s *sight) forecastWith(u *judge.ResourceUse) string {
	if strings.ContainsAny(u.Name, " =") {
		return ""
	}
	return fmt.Sprintf("pegel forecast %s --what-if %s.limit=+50%%", s.runs, u.Name)
}

func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(10 * time.Microsecond)
}
