package corpus

import "testing"

func TestLetterHasTheSizeAndIsRepeatable(t *testing.T) {
	for _, size := range []int{1, 900, 4 << 10, 40 << 10, 1 << 20} {
		subject, body, err := Letter("run", 99, size)
		if err != nil {
			t.Fatal(err)
		}
		again, same, _ := Letter("run", 99, size)
		if subject == "" || subject != again || body != same {
			t.Errorf("size %d: not repeatable", size)
		}
		if size >= 4<<10 && (len(body) < size*8/10 || len(body) > size*12/10) {
			t.Errorf("size %d: the text has %d bytes", size, len(body))
		}
	}
}
