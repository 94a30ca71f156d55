package recording

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"testing"
)

// Files that are damaged somewhere are read or refused, and what is read of them can be correlated with what was not damaged.
func TestDamagedHAR(t *testing.T) {
	whole, err := os.ReadFile("testdata/chromium-ann.har")
	if err != nil {
		t.Fatal(err)
	}
	odd := [][]byte{[]byte(`"`), []byte(`\`), []byte(`{`), []byte(`]`), []byte(`,`), []byte(`\u12`), []byte(`\ud800`), []byte(`null`), []byte(`-1e999`), []byte("{{"), []byte("\x00"), []byte("\xff"), []byte("//")}
	draw := rand.New(rand.NewPCG(1, 2))
	read := 0
	for range 1500 {
		damaged := bytes.Clone(whole)
		for range 1 + draw.IntN(4) {
			at := draw.IntN(len(damaged))
			switch piece := odd[draw.IntN(len(odd))]; draw.IntN(4) {
			case 0:
				damaged = append(damaged[:at:at], append(bytes.Clone(piece), damaged[at:]...)...)
			case 1:
				damaged[at] = piece[0]
			case 2:
				end := min(len(damaged), at+draw.IntN(60))
				damaged = append(damaged[:at:at], damaged[end:]...)
			default:
				damaged[at] ^= 1 << draw.IntN(8)
			}
		}
		h, err := ReadHAR(bytes.NewReader(damaged), "f.har")
		if err != nil {
			if !errors.Is(err, ErrHAR) {
				t.Fatalf("%v\n%s", err, damaged)
			}
			continue
		}
		read++
		var list []*Recording
		for _, one := range []*HAR{h, readFixture(t, "chromium-bob.har")} {
			actions, _, err := one.Split([]string{"login"}, nil)
			if err != nil {
				break
			}
			r := &Recording{Source: one.Name, Actions: actions}
			Infer(r)
			list = append(list, r)
		}
		if len(list) == 2 {
			if _, err := Correlate(list); err != nil && !errors.Is(err, ErrAlike) {
				t.Fatal(err)
			}
		}
	}
	if read < 100 {
		t.Errorf("only %d of the damaged files could be read", read)
	}
}
