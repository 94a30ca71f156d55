package client

// errNothingYet says that nothing has arrived. To TLS it is an error after which it may read again.
var errNothingYet error = notYet{}

type notYet struct{}

func (notYet) Error() string   { return "nothing has arrived yet" }
func (notYet) Timeout() bool   { return true }
func (notYet) Temporary() bool { return true }
