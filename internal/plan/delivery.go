package plan

import (
	"cmp"
	"slices"
	"time"

	"github.com/goccy/go-yaml"
)

// DeliveryAction is the way of a message from the 250 to the INBOX as an action of its own.
const DeliveryAction = "delivery.inbox"

// Sweep is how mailboxes are looked through after a run.
type Sweep struct {
	Look       bool          // false: they are not, what users see has to do
	Wait       time.Duration // how long mail may take
	Inbox, All Act           // look into the INBOX, or into all mailboxes, of one account
}

// delivery compiles the search for mail, where the scenario asks for it.
func (p *Plan) delivery(c *compiler) {
	p.Delivered = -1
	d := p.Scenario.Delivery
	if d == nil || !d.Check {
		return
	}
	if !slices.Contains(p.Actions, "smtp.send") && !slices.Contains(p.Actions, "eas.send") {
		c.fail(d.Pos, "leave delivery out, or let a journey do smtp.send or eas.send", "delivery is to be checked, but no persona sends mail")
		return
	}
	p.Delivered = c.number(DeliveryAction)
	p.Sweep = &Sweep{Look: d.Searches(), Wait: d.Waits()}
	if !p.Sweep.Look {
		return
	}
	target := cmp.Or(d.Target, "imap")
	protocol, ok := c.find("imap")
	at, there := p.Scenario.Targets.ByName[target]
	if !ok || !there {
		names := []string{}
		for name := range p.Scenario.Targets.ByName {
			names = append(names, name)
		}
		c.fail(p.Scenario.Field(d.Pos, "target"), hint(target, names), "delivery looks for mail at the target %q, which the scenario does not have", target)
		return
	}
	if bound, taken := p.protocol[target]; taken && bound.Name != protocol.Name {
		c.fail(p.Scenario.Field(d.Pos, "target"), "name a target that imap uses", "target %q serves %s; mail is looked for by imap", target, bound.Name)
		return
	}
	proto := c.bind(target, protocol)
	timeout := cmp.Or(at.Timeout.D(), time.Minute)
	for mailbox, act := range map[string]*Act{"INBOX": &p.Sweep.Inbox, "*": &p.Sweep.All} {
		run, err := protocol.Actions["look"](func(into any) error {
			return yaml.Unmarshal([]byte("mailbox: '"+mailbox+"'"), into)
		})
		if err != nil {
			c.fail(d.Pos, "", "%v", err)
			return
		}
		*act = Act{Verb: "look", Target: target, Protocol: proto, Timeout: timeout, Run: run, Action: p.Delivered}
	}
}

// deliveryDigest covers what is looked for after the run; nothing where mail is not followed.
func (p *Plan) deliveryDigest() Digest {
	if p.Sweep == nil {
		return Digest{}
	}
	h := newDigester()
	h.text(DeliveryAction)
	h.text(p.Sweep.Inbox.Target)
	h.put(uint64(p.Sweep.Wait))
	return h.sum()
}
