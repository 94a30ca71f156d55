package archive

// DeliveryFile is what the run's mail came to, where account was kept of it.
const DeliveryFile = "delivery.json"

// Delivery is the account of a run's mail. All but Messages count pairs of message and recipient; each surely accepted
// pair is in exactly one of Delivered, Elsewhere, Lost and Unseen.
type Delivery struct {
	Messages  int `json:"messages"`  // sent to accounts of the scenario, uncertain ones included
	Accepted  int `json:"accepted"`  // surely
	Delivered int `json:"delivered"` // seen in INBOX
	Late      int `json:"late"`      // of Delivered and Elsewhere: had not come by the first look after the run
	Elsewhere int `json:"elsewhere"` // seen in another mailbox of the recipient only: filtered or moved
	Lost      int `json:"lost"`      // not there after the wait
	Unseen    int `json:"unseen"`    // not seen, but the account was not looked through in the end either
	Twice     int `json:"twice"`     // in INBOX more than once, of the surely accepted
	Wrong     int `json:"wrong"`     // in the INBOX of an account that is no recipient

	Again      int `json:"again,omitempty"`       // of Accepted: sent once more, because the answer to an earlier final dot never came
	AgainTwice int `json:"again_twice,omitempty"` // of them: in INBOX more than once, which is legal

	Uncertain        int `json:"uncertain"`         // the answer to the final dot never came, to none of the tries
	UncertainArrived int `json:"uncertain_arrived"` // of them: seen
	UncertainTwice   int `json:"uncertain_twice"`   // of them: more than once, which is legal

	Untracked int            `json:"untracked,omitempty"` // beyond what is followed
	Examples  []DeliveryCase `json:"examples,omitempty"`  // some of each kind
}

// DeliveryCase is one message that went wrong. It names no address and no secret.
type DeliveryCase struct {
	Kind      string `json:"kind"` // lost, twice or wrong
	MessageID string `json:"message_id"`
	Account   int    `json:"account"` // index of the account that lacks it, or in whose mailbox it lies
}

// Broken tells whether the platform did what it must not: lost, doubled or misdelivered mail.
func (d *Delivery) Broken() bool { return d != nil && (d.Lost > 0 || d.Twice > 0 || d.Wrong > 0) }

// WriteDelivery writes the account into the run directory, whole or not at all.
func WriteDelivery(dir string, d *Delivery) error { return writeJSON(dir, DeliveryFile, d) }

// mostDelivery bounds the file that is read.
const mostDelivery = 1 << 20

// Delivery is the account of the run's mail; nil where none was kept.
func (r *Run) Delivery() (*Delivery, error) {
	return readJSON[Delivery](r.Dir, DeliveryFile, mostDelivery)
}

// Add adds the account of another run.
func (d *Delivery) Add(other *Delivery) {
	for _, n := range []struct {
		to *int
		n  int
	}{
		{&d.Messages, other.Messages}, {&d.Accepted, other.Accepted}, {&d.Delivered, other.Delivered}, {&d.Late, other.Late},
		{&d.Elsewhere, other.Elsewhere}, {&d.Lost, other.Lost}, {&d.Unseen, other.Unseen}, {&d.Twice, other.Twice}, {&d.Wrong, other.Wrong},
		{&d.Uncertain, other.Uncertain}, {&d.UncertainArrived, other.UncertainArrived}, {&d.UncertainTwice, other.UncertainTwice},
		{&d.Again, other.Again}, {&d.AgainTwice, other.AgainTwice}, {&d.Untracked, other.Untracked},
	} {
		*n.to += n.n
	}
	d.Examples = append(d.Examples, other.Examples...)
}
