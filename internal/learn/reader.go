package learn

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Source is one log. Open is called once.
type Source struct {
	Name string // as it is shown; a file's path
	Open func() (io.ReadCloser, error)
}

// File is what was made of one source.
type File struct {
	Name   string   `json:"name"`
	Format string   `json:"format"` // empty: not recognised
	Lines  int64    `json:"lines"`
	Broken int64    `json:"broken"`
	First  []Broken `json:"broken_first,omitempty"` // the first three
	Cut    string   `json:"cut,omitempty"`          // why reading ended before the end, as of a damaged gzip file
}

// Broken is a line that could not be read. What stands in it is not kept.
type Broken struct {
	Line  int64  `json:"line"`
	Bytes int    `json:"bytes"`
	Why   string `json:"why"`
}

const (
	longest = 1 << 20 // bytes of a line
	looked  = 50      // lines by which the format is recognised
)

// log is a source while it is read.
type log struct {
	file   File
	parser parser
	lines  *bufio.Reader
	close  func() error
	ahead  []string // lines read to recognise the format
	long   []byte   // of a line longer than the buffer
	head   entry    // the next entry
	blank  int64    // empty lines
}

// ErrNotUnderstood says that no line of any log could be read.
var ErrNotUnderstood = errors.New("no line can be read")

// openLog opens a source and finds its format. Where it finds none, every line is broken.
func openLog(src Source, name string, s setting) (*log, error) {
	r, err := src.Open()
	if err != nil {
		return nil, err
	}
	l := &log{file: File{Name: src.Name}, lines: bufio.NewReaderSize(r, 64<<10), close: r.Close}
	if magic, _ := l.lines.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(l.lines)
		if err != nil {
			_ = r.Close() // read only
			return nil, fmt.Errorf("%s: reading gzip: %w", src.Name, err)
		}
		l.lines = bufio.NewReaderSize(z, 64<<10)
	}
	for len(l.ahead) < looked {
		line, ok := l.read()
		if !ok {
			break
		}
		l.ahead = append(l.ahead, strings.Clone(line))
	}
	f, ok := findFormat(name)
	if name == "" {
		f, ok = detect(l.ahead, s)
	}
	if !ok {
		l.parser = parserFunc(func(string) (entry, error) { return entry{}, errShape })
		return l, nil
	}
	l.file.Format, l.parser = f.name, f.reader(s)
	return l, nil
}

// read returns the next line without its end, and false at the end. A line that is too long comes as one byte more than
// may be.
func (l *log) read() (string, bool) {
	if l.file.Cut != "" {
		return "", false
	}
	line, err := l.lines.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		l.long = append(l.long[:0], line...)
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = l.lines.ReadSlice('\n')
			if room := longest + 1 - len(l.long); room > 0 {
				l.long = append(l.long, line[:min(room, len(line))]...)
			}
		}
		line = l.long
	}
	if err != nil && !errors.Is(err, io.EOF) {
		l.file.Cut = err.Error()
		return "", false
	}
	if len(line) == 0 {
		return "", false
	}
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
		line = line[:len(line)-1]
	}
	text := string(line)
	if l.file.Lines == 0 && len(l.ahead) == 0 {
		text = strings.TrimPrefix(text, "\ufeff")
	}
	return text, true
}

// next goes on to the next entry that may count. Those of no use go to skip.
func (l *log) next(skip func(*entry)) bool {
	for {
		var line string
		if len(l.ahead) > 0 {
			line, l.ahead = l.ahead[0], l.ahead[1:]
		} else {
			var ok bool
			if line, ok = l.read(); !ok {
				return false
			}
		}
		l.file.Lines++
		if line == "" {
			l.blank++
			continue
		}
		e, err := entry{}, errLong
		if len(line) <= longest {
			e, err = l.parser.parse(line)
		}
		if err != nil {
			l.file.Broken++
			if len(l.file.First) < 3 {
				l.file.First = append(l.file.First, Broken{Line: l.file.Lines, Bytes: len(line), Why: err.Error()})
			}
			continue
		}
		if e.kind == ignored {
			skip(&e)
			continue
		}
		l.head = e
		return true
	}
}
