package scenarios

import (
	"strconv"
	"strings"
)

// BytesPerSecond is wave.copy.bandwidth as a number; 0: not limited.
func (c *Copy) BytesPerSecond() float64 {
	n, _ := bandwidth(c.Bandwidth)
	return n
}

// bandwidth reads a number of bytes a second with its unit, such as "5MB/s" or "800 KiB/s"; the /s may be left out.
func bandwidth(text string) (float64, bool) {
	text = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "/s"))
	for _, unit := range []struct {
		name string
		size float64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}} {
		if number, is := strings.CutSuffix(text, unit.name); is {
			n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			return n * unit.size, err == nil && n > 0 && n*unit.size <= 1e12
		}
	}
	return 0, false
}
