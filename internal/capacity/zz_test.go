package capacity
import ("testing";"fmt";"os";"strconv";"strings";"time")
func TestZZ(t *testing.T) {
	b, _ := os.ReadFile("testdata/fuzz/FuzzPredict/023e70d69804cfb7")
	l := strings.Split(string(b), "\n")[1]
	l = strings.TrimSuffix(strings.TrimPrefix(l, "[]byte("), ")")
	x, _ := strconv.Unquote(l)
	s := &spelled{[]byte(x)}
	in, opt := s.input()
	for _, st := range in.Stages { fmt.Println(st.Load, len(st.Blocks)) }
	fmt.Printf("%+v\n", opt)
	s2 := condense(in, all(in), &opt)
	for _, r := range s2.resources { fmt.Printf("%+v\n", r) }
	fmt.Printf("%+v\n", s2.rate)
	start := time.Now()
	f := Predict(in, opt)
	fmt.Println(f.Determined, f.Users, f.Why, f.Method, f.Warnings, time.Since(start))
}
