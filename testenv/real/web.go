package real

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// RouteCookie is the cookie by which HAProxy keeps a browser with its instance of SOGo or Roundcube; its value is the
// name of the server in HAProxy's metrics: sogo1, sogo2, … or roundcube1, ….
const RouteCookie = "ROUTE"

const (
	maxInstances = 16
	maxWorkers   = 200
	maxPing      = time.Hour

	reservedConnections = 3 // of PostgreSQL, for the superuser
)

// SOGo describes the instances of SOGo, each with its own workers and an nginx server in front. They share one
// PostgreSQL and one memcached, and use the stack's Dovecot and, as a host that is trusted, Postfix. The zero value is one
// instance with four workers.
type SOGo struct {
	Instances int // 1 to 16; 0 means 1
	Workers   int // processes of each instance, each of which serves one request at a time, 1 to 200; 0 means 4
	// Ping is the longest time for which an ActiveSync Ping or Sync may hold its worker, up to an hour; 0 means 30 s.
	Ping time.Duration
}

// Roundcube describes the instances of Roundcube, each with its own PHP-FPM and an nginx server in front. They share one
// SQLite database. The zero value is one instance with eight workers.
type Roundcube struct {
	Instances int // 1 to 16; 0 means 1
	Workers   int // pm.max_children of each instance, 1 to 200; 0 means 8
}

// instance is what the templates see of one server of the web frontend.
type instance struct {
	Name      string
	Port, App int // of nginx and of the application
	Address   string
	AccessLog string
	Weight    int
}

// Instances returns how many instances of SOGo or Roundcube these options describe: 0 without either.
func (o *Options) Instances() int {
	switch {
	case o.SOGo != nil:
		return max(1, o.SOGo.Instances)
	case o.Roundcube != nil:
		return max(1, o.Roundcube.Instances)
	}
	return 0
}

func (o *Options) web() bool { return o.Webmail != "" || o.Instances() > 0 }

func (o *Options) kind() string {
	if o.SOGo != nil {
		return "sogo"
	}
	return "roundcube"
}

// instances returns the instances with their ports, which are chosen by then.
func (o *Options) instances(dir string) []instance {
	var all []instance
	for i := range o.Instances() {
		one := instance{Name: fmt.Sprintf("%s%d", o.kind(), i+1), Port: o.Ports.Web[i], App: o.Ports.App[i], Address: loopback(o.Ports.Web[i])}
		one.AccessLog = filepath.Join(dir, "log", one.Name+"-access.log")
		if o.Tweaks.WebWeights != nil {
			one.Weight = o.Tweaks.WebWeights[i]
		}
		all = append(all, one)
	}
	return all
}

// completeWeb fills in the defaults of the web applications and refuses what cannot be started.
func (o *Options) completeWeb() error {
	if o.SOGo != nil && o.Roundcube != nil || o.Webmail != "" && o.Instances() > 0 {
		return errors.New("only one of Webmail, SOGo and Roundcube can stand behind the web frontend")
	}
	// copies, because the caller may start several stacks with the same options
	switch {
	case o.SOGo != nil:
		c := *o.SOGo
		o.SOGo = &c
		if c.Ping < 0 || c.Ping > maxPing {
			return fmt.Errorf("pings of %v: want 0 to %v", c.Ping, maxPing)
		}
		if err := completeCounts(&o.SOGo.Instances, &o.SOGo.Workers, 4); err != nil {
			return err
		}
		if c.Ping == 0 {
			o.SOGo.Ping = 30 * time.Second
		}
	case o.Roundcube != nil:
		c := *o.Roundcube
		o.Roundcube = &c
		if err := completeCounts(&o.Roundcube.Instances, &o.Roundcube.Workers, 8); err != nil {
			return err
		}
	}
	t := &o.Tweaks
	if t.WebBalance == "" {
		t.WebBalance = "roundrobin"
	}
	if known := []string{"roundrobin", "leastconn", "source", "static-rr", "first", "random"}; !slices.Contains(known, t.WebBalance) {
		return fmt.Errorf("balance algorithm %q: want one of %v", t.WebBalance, known)
	}
	if n := len(t.WebWeights); n != 0 && n != o.Instances() {
		return fmt.Errorf("%d weights for %d instances", n, o.Instances())
	}
	for _, w := range t.WebWeights {
		if w < 1 || w > 256 {
			return fmt.Errorf("weight %d: want 1 to 256", w)
		}
	}
	if n := len(t.WebSpeeds); n != 0 && n != o.Instances() {
		return fmt.Errorf("%d speeds for %d instances", n, o.Instances())
	}
	for _, v := range t.WebSpeeds {
		if !(v >= 0 && v <= 1) {
			return fmt.Errorf("speed %g: want 0 to 1", v)
		}
	}
	if t.DatabaseConnections == 0 {
		t.DatabaseConnections = 400
	}
	// PostgreSQL demands more than it reserves for the superuser
	if t.DatabaseConnections <= reservedConnections || t.DatabaseConnections > 10000 {
		return fmt.Errorf("%d database connections: want %d to 10000", t.DatabaseConnections, reservedConnections+1)
	}
	return nil
}

func completeCounts(instances, workers *int, standard int) error {
	if *instances == 0 {
		*instances = 1
	}
	if *workers == 0 {
		*workers = standard
	}
	if *instances < 1 || *instances > maxInstances {
		return fmt.Errorf("%d instances: want 1 to %d", *instances, maxInstances)
	}
	if *workers < 1 || *workers > maxWorkers {
		return fmt.Errorf("%d workers: want 1 to %d", *workers, maxWorkers)
	}
	return nil
}
