package learn

import (
	"errors"
	"strings"
	"time"
)

// parser reads the lines of one log, from its first on. A parser keeps what one line needs of earlier ones, bounded.
type parser interface {
	parse(line string) (entry, error)
}

// parserFunc is a parser that keeps nothing.
type parserFunc func(line string) (entry, error)

func (f parserFunc) parse(line string) (entry, error) { return f(line) }

// What can be wrong with a line. None repeats what stands in it.
var (
	errShape  = errors.New("the line has another shape than the format")
	errTime   = errors.New("the time cannot be read")
	errFields = errors.New("there are more or fewer fields than #Fields names")
	errNoHead = errors.New("no #Fields line comes before it")
	errLong   = errors.New("the line is longer than 1 MB")
)

// setting is what parsers need of the world.
type setting struct {
	names *pseudonyms
	zone  *time.Location // of stamps without one
	now   time.Time      // stamps without a year are not later
	year  int            // of the first stamp without one; 0: by now
}

// format is a kind of log.
type format struct {
	name   string
	help   string
	reader func(setting) parser
}

// formats is the table of what pegel learn reads, in the order in which it is tried.
var formats = []format{
	{"iis", "IIS, W3C extended: Outlook on the web, ActiveSync", newIIS},
	{"tracking", "Exchange message tracking, CSV", newTracking},
	{"combined", "Apache or nginx, combined log format", newCombined},
	{"haproxy", "HAProxy, HTTP log", newHAProxy},
	{"dovecot", "Dovecot, by syslog or its own file", newDovecot},
	{"postfix", "Postfix", newPostfix},
	{"syslog", "a file that Dovecot, Postfix and HAProxy share", newSyslog},
}

// Formats are the names of the formats, each with what it stands for.
func Formats() (list [][2]string) {
	for _, f := range formats {
		list = append(list, [2]string{f.name, f.help})
	}
	return list
}

func findFormat(name string) (format, bool) {
	for _, f := range formats {
		if f.name == name {
			return f, true
		}
	}
	return format{}, false
}

// detect finds the format that understands most of the first lines, of several the first of the table. syslog takes a
// file only where it understands more than each of its parts.
func detect(lines []string, s setting) (format, bool) {
	best, most := format{}, 0
	for _, f := range formats {
		p, understood := f.reader(s), 0
		for _, line := range lines {
			e, err := p.parse(line)
			if err == nil && !(e.kind == ignored && e.what == otherProgram) {
				understood++
			}
		}
		if understood > most {
			best, most = f, understood
		}
	}
	return best, most > 0
}

// otherProgram marks lines of a shared log that belong to none of the programs asked for.
const otherProgram = "lines of other programs"

var months = map[string]time.Month{"Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6, "Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11, "Dec": 12}

// number reads a whole number of at most 18 digits; ok is false for anything else.
func number(s string) (n int64, ok bool) {
	if s == "" || len(s) > 18 {
		return 0, false
	}
	for i := range len(s) {
		if !digit(s[i]) {
			return 0, false
		}
		n = 10*n + int64(s[i]-'0')
	}
	return n, true
}

// clock reads 15:04:05.
func clock(s string) (hour, minute, second int, ok bool) {
	if len(s) != 8 || s[2] != ':' || s[5] != ':' {
		return
	}
	h, ok1 := number(s[:2])
	m, ok2 := number(s[3:5])
	sec, ok3 := number(s[6:])
	return int(h), int(m), int(sec), ok1 && ok2 && ok3 && h < 24 && m < 60 && sec <= 60
}

// date makes a time of numbers that must be a day that exists.
func date(year int, month time.Month, day, hour, minute, second, nano int, zone *time.Location) (time.Time, error) {
	t := time.Date(year, month, day, hour, minute, second, nano, zone)
	if year < 1970 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31 || time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Month() != month {
		return t, errTime
	}
	return t, nil
}

// field cuts the next field off, up to the next space; spaces before it are skipped.
func field(s string) (first, rest string) {
	s = strings.TrimLeft(s, " ")
	first, rest, _ = strings.Cut(s, " ")
	return first, rest
}

// attribute finds key=value in a list with commas or spaces, and takes off < and >.
func attribute(s, key string) (string, bool) {
	for at := 0; at < len(s); {
		i := strings.Index(s[at:], key+"=")
		if i < 0 {
			return "", false
		}
		i += at
		at = i + len(key) + 1
		if i > 0 && s[i-1] != ' ' && s[i-1] != ',' {
			continue
		}
		v := s[at:]
		if strings.HasPrefix(v, "<") {
			if end := strings.IndexByte(v, '>'); end >= 0 {
				return v[1:end], true
			}
			return "", false
		}
		if end := strings.IndexAny(v, ", "); end >= 0 {
			v = v[:end]
		}
		return v, true
	}
	return "", false
}
