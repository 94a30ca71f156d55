package diagnosis

import (
	"fmt"
	"strings"
	"time"
)

// experiment is the command that drives the same scenario as one of the experiments that discriminate.
func (s *sight) experiment(name string) string {
	return fmt.Sprintf("pegel run %s --experiment %s", s.scenario, name)
}

// forecastWith asks the archive what larger limits would bring.
func (s *sight) forecastWith(members []string) string {
	line := "pegel forecast " + s.runs
	for i, name := range members {
		if strings.ContainsAny(name, " =") {
			return ""
		}
		if i == 0 {
			line += " --what-if"
		}
		line += fmt.Sprintf(" %s.limit=+50%%", name)
	}
	return line
}

func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second))
}
