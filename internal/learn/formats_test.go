package learn

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pegel/scenarios"
)

// Lines as the programs write them, with made-up people.
const (
	mailLines = `Mar  2 08:00:01 mail dovecot: imap-login: Login: user=<anneliese.brandt@behoerde.example>, method=PLAIN, rip=203.0.113.7, lip=203.0.113.1, mpid=27548, TLS, session=<9zvVrHpOPuW5X0Oj>
Mar  2 08:00:01 mail dovecot: imap-login: Aborted login (no auth attempts in 0 secs): user=<>, rip=203.0.113.9, lip=203.0.113.1
Mar  2 08:00:02 mail dovecot: imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<brandt@behoerde.example>, method=PLAIN, rip=203.0.113.9, lip=203.0.113.1
Mar  2 08:10:01 mail dovecot: imap(anneliese.brandt@behoerde.example)<27548><9zvVrHpOPuW5X0Oj>: save: box=Sent, uid=7, msgid=<vertraulich@behoerde.example>, size=1234
Mar  2 08:30:01 mail dovecot: lmtp(anneliese.brandt@behoerde.example)<3><x>: msgid=<a@b>: saved mail to INBOX
Mar  2 09:59:59 mail dovecot: imap(anneliese.brandt@behoerde.example)<27548><9zvVrHpOPuW5X0Oj>: Disconnected: Logged out in=1203 out=75742 deleted=0 expunged=0 trashed=0 hdr_count=50 hdr_bytes=9000 body_count=6 body_bytes=60000
2026-03-02T10:00:00.500000+01:00 mail postfix/smtpd[4]: connect from mx.outside.example[203.0.113.20]
2026-03-02T10:00:01.848676+01:00 mail postfix/smtpd[4]: CF1863E42C: client=mx.outside.example[203.0.113.20]
2026-03-02T10:00:01.850328+01:00 mail postfix/cleanup[5]: CF1863E42C: message-id=<vertraulich@outside.example>
2026-03-02T10:00:01.856413+01:00 mail opendkim[96535]: CF1863E42C: DKIM-Signature field added (s=default, d=behoerde.example)
2026-03-02T10:00:01.858741+01:00 mail postfix/qmgr[6]: CF1863E42C: from=<x@outside.example>, size=11194, nrcpt=2 (queue active)
2026-03-02T10:00:02.736472+01:00 mail postfix/lmtp[7]: CF1863E42C: to=<anneliese.brandt@behoerde.example>, relay=mail[private/lmtp], delay=1.9, delays=0.01/0.03/1.1/0.76, dsn=2.0.0, status=sent (250 saved)
2026-03-02T10:00:02.737306+01:00 mail postfix/qmgr[6]: CF1863E42C: removed
2026-03-02T10:00:03.000000+01:00 mail postfix/submission/smtpd[4]: AF1863E42D: client=unknown[203.0.113.7], sasl_method=PLAIN, sasl_username=anneliese.brandt@behoerde.example
2026-03-02T10:00:03.100000+01:00 mail postfix/qmgr[6]: AF1863E42D: from=<anneliese.brandt@behoerde.example>, size=5000, nrcpt=3 (queue active)
2026-03-02T10:00:03.200000+01:00 mail postfix/smtpd[9]: BF1863E42D: client=localhost[127.0.0.1]
2026-03-02T10:00:03.300000+01:00 mail postfix/qmgr[6]: BF1863E42D: from=<anneliese.brandt@behoerde.example>, size=5000, nrcpt=3 (queue active)
2026-03-02T10:00:04.000000+01:00 mail postfix/smtp[8]: AF1863E42D: to=<y@outside.example>, relay=mx.outside.example[203.0.113.20]:25, delay=1, status=deferred (timeout)
2026-03-02T10:00:05.000000+01:00 mail postfix/qmgr[6]: AF1863E42D: from=<anneliese.brandt@behoerde.example>, size=5000, nrcpt=1 (queue active)
`
	easLines = `2026-03-02 09:00:00 10.1.1.5 POST /Microsoft-Server-ActiveSync/default.eas Cmd=Ping&User=BEHOERDE%5Canneliese.brandt&DeviceId=App7C3D&DeviceType=iPhone&CorrelationID=<empty>; 443 BEHOERDE\anneliese.brandt 203.0.113.7 Apple-iPhone9C3/1402.100 - 200 0 0 2950000
2026-03-02 09:01:00 10.1.1.5 POST /Microsoft-Server-ActiveSync/default.eas Cmd=Sync&User=BEHOERDE%5Canneliese.brandt&DeviceId=App7C3D&DeviceType=iPhone&Log=V141_Fc1_Fid:5_Ty:Em_Filt5_St:S_Sk:1_Srv:1a0c0d0s0e0r0A0sd 443 BEHOERDE\anneliese.brandt 203.0.113.7 Apple-iPhone9C3/1402.100 - 200 0 0 120
2026-03-02 09:01:30 10.1.1.5 POST /Microsoft-Server-ActiveSync/default.eas Cmd=SendMail&User=BEHOERDE%5Canneliese.brandt&DeviceId=App7C3D&DeviceType=iPhone 443 - 203.0.113.7 Apple-iPhone9C3/1402.100 - 200 0 0 300
2026-03-02 09:01:31 10.1.1.5 POST /Microsoft-Server-ActiveSync/default.eas Cmd=Sync&User=BEHOERDE%5Canneliese.brandt&DeviceId=App7C3D&DeviceType=iPhone 443 - 203.0.113.7 Apple-iPhone9C3/1402.100 - 401 0 0 3
2026-03-02 09:01:32 10.1.1.5 POST /mapi/emsmdb/ MailboxId=4f2a-anneliese@behoerde.example 443 BEHOERDE\anneliese.brandt 203.0.113.7 Microsoft+Office/16.0 - 200 0 0 30
2026-03-02 09:01:33 10.1.1.5 GET /owa/prem/15.1/scripts/boot.js - 443 - 203.0.113.7 Mozilla/5.0 - 200 0 0 30
`
	trackingLines = "\ufeff#Software: Microsoft Exchange Server\r\n#Version: 15.01.2507.027\r\n#Log-type: Message Tracking Log\r\n#Date: 2026-03-02T08:00:00.000Z\r\n" +
		"#Fields: date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,internal-message-id,message-id,network-message-id,recipient-address,recipient-status,total-bytes,recipient-count,related-recipient-address,reference,message-subject,sender-address,return-path,message-info,directionality,tenant-id,original-client-ip,original-server-ip,custom-data\r\n" +
		`2026-03-02T08:00:00.127Z,2001:db8::7,ex1,2001:db8::8,ex2,"08DE;2026-03-02T08:00:00.000Z;0",,STOREDRIVER,RECEIVE,12,<vertraulich@behoerde.example>,a0b1,karl@behoerde.example;eva@behoerde.example,,4096,2,,,"Brandt, Anneliese: ""vertraulich""",anneliese.brandt@behoerde.example,anneliese.brandt@behoerde.example,04I: ,Originating,,203.0.113.7,2001:db8::8,S:MailboxDatabaseGuid=1` + "\r\n" +
		`2026-03-02T08:00:01.127Z,203.0.113.20,mx.outside.example,10.1.1.6,ex2,08DE;x;1,EX2\Default,SMTP,RECEIVE,13,<q@outside.example>,a0b2,anneliese.brandt@behoerde.example,,20480,1,,,Rechnung,x@outside.example,x@outside.example,00A: ,Incoming,,203.0.113.20,10.1.1.6,S:x` + "\r\n" +
		`2026-03-02T08:00:01.327Z,,ex2,,ex1,,,STOREDRIVER,DELIVER,13,<q@outside.example>,a0b2,anneliese.brandt@behoerde.example,,20480,1,,,Rechnung,x@outside.example,x@outside.example,,Incoming,,,,` + "\r\n"
)

func kinds(r *Result) map[string]int64 {
	m := map[string]int64{}
	for _, q := range r.Ignored {
		m[q.Request] = q.Count
	}
	return m
}

func TestMailLog(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	r := learned(t, Options{Zone: berlin}, source("mail.log", mailLines))
	if r.Files[0].Format != "syslog" || r.Broken != 0 {
		t.Fatalf("%+v", r.Files)
	}
	w := wayOfResult(t, r, "desktop")
	if w.Users != 1 || w.ByAddress {
		t.Errorf("users %d", w.Users)
	}
	if a := actionOf(t, w, "imap.fetch"); a.Count != 6 || !a.Paced {
		t.Errorf("imap.fetch %+v", a)
	}
	if a := actionOf(t, w, "imap.login"); a.Count != 1 || !a.Login || a.Think.N != 1 {
		t.Errorf("imap.login %+v", a)
	}
	near(t, "pause after login", actionOf(t, w, "imap.login").Think.Median, 600, 0.03)
	if a := actionOf(t, w, "imap.append"); a.Count != 1 || a.Busy != 1 {
		t.Errorf("imap.append %+v", a)
	}
	near(t, "user-hours", w.UserHours, 3599.0/3600, 0.001) // the log begins a second after eight
	if a := actionOf(t, w, "smtp.send"); a.Count != 1 {
		t.Errorf("smtp.send %+v", a)
	}
	if m := r.Mail; m.Inbound != 1 || m.Sent != 1 || m.Size.Mean != 11194 || m.Recipients != 2 || m.SentTo != 3 || m.SentSize.Mean != 5000 || m.PerHour != 1 {
		t.Errorf("%+v", r.Mail)
	}
	// The connection kept the user there from eight to ten.
	for _, h := range r.Profile {
		if h.Hour < 8 || h.Hour > 10 || h.Share != 1 {
			t.Errorf("%+v", r.Profile)
		}
	}
	got := kinds(r)
	for what, n := range map[string]int64{"failed or aborted logins": 2, "deliveries by LMTP": 1, "mails of the machine itself, or taken up again": 2, "recipients delivered": 1,
		"deliveries deferred or bounced": 1, "connections to Postfix": 1, otherProgram: 1} {
		if got[what] != n {
			t.Errorf("%s: %d, want %d", what, got[what], n)
		}
	}
	if r.From.Year() != 2026 || r.From.Hour() != 8 {
		t.Errorf("from %v", r.From)
	}
}

func TestActiveSync(t *testing.T) {
	r := learned(t, Options{}, source("u_ex.log", iisHead+easLines))
	w := wayOfResult(t, r, "mobile")
	if w.Users != 1 || w.ByAddress || w.Persona {
		t.Errorf("%+v", w)
	}
	if a := actionOf(t, w, "eas.sync"); a.Count != 1 || a.Known || a.Took != 0.12 {
		t.Errorf("%+v", a)
	}
	near(t, "pause", actionOf(t, w, "eas.sync").Think.Median, 29.7, 0.05)
	if d := wayOfResult(t, r, "desktop"); d.Users != 1 || len(d.Actions) != 0 {
		t.Errorf("Outlook %+v", d)
	}
	if got := kinds(r); got["parts of pages"] != 1 || got["requests answered 401: the client shows its password with the next"] != 1 {
		t.Errorf("%v", got)
	}
	var b strings.Builder
	if err := r.WriteFragment(&b, ""); err != nil || strings.Contains(b.String(), "\npersonas:") || !strings.Contains(b.String(), "# mobile: ") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestTracking(t *testing.T) {
	r := learned(t, Options{}, source("MSGTRK.LOG", trackingLines))
	if r.Files[0].Format != "tracking" || r.Broken != 0 || r.Mail == nil {
		t.Fatalf("%+v", r)
	}
	if m := r.Mail; m.Inbound != 1 || m.Sent != 1 || m.SentTo != 2 || m.Size.Mean != 20480 || m.SentSize.Mean != 4096 || m.Day != "2026-03-02" {
		t.Errorf("%+v", m)
	}
	if w := wayOfResult(t, r, "sender"); w.Users != 1 || w.ByAddress {
		t.Errorf("%+v", w)
	}
}

// Each line becomes what it is.
func TestLines(t *testing.T) {
	set := setting{names: newPseudonyms(nil), zone: time.UTC, now: testTime}
	at := func(text string) time.Time {
		x, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	for _, c := range []struct {
		format, line string
		want         entry
		err          error
	}{
		{"combined", `192.0.2.7 - frank [10/Oct/2000:13:55:36 -0700] "GET /api/messages HTTP/1.0" 200 2326 "http://x/" "Mozilla/4.08 [en] (Win98; I ;Nav)"`, entry{at: at("2000-10-10T20:55:36Z"), kind: act, action: "web.list", named: true}, nil},
		{"combined", `portal:443 192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] "GET /api/messages/7 HTTP/1.0" 500 2326`, entry{at: at("2000-10-10T20:55:36Z"), kind: act, action: "web.read", failed: true}, nil},
		{"combined", `192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] "PUT /dav/frank/cal/x%22.ics HTTP/1.1" 201 0 "-" "Thunderbird/128 \"x\""`, entry{at: at("2000-10-10T20:55:36Z"), kind: act, way: desktop, action: "caldav.create"}, nil},
		{"combined", `192.0.2.7 - f [10/Oct/2000:13:55:36 -0700] "PUT /dav/frank/cal/x.ics HTTP/1.1" 204 0 "-" "iOS/17 dataaccessd/1"`, entry{at: at("2000-10-10T20:55:36Z"), kind: act, way: mobile, action: "caldav.update", named: true}, nil},
		{"combined", `192.0.2.7 - f [10/Oct/2000:13:55:36 -0700] "REPORT /remote.php/dav/addressbooks/f/ HTTP/1.1" 207 0 "-" "x"`, entry{at: at("2000-10-10T20:55:36Z"), kind: act, way: calendar, action: "carddav.query", named: true}, nil},
		{"combined", `192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] "-" 408 0`, entry{at: at("2000-10-10T20:55:36Z"), kind: unmapped, what: "* /", failed: true}, nil},
		{"combined", `192.0.2.7 - - [31/Feb/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1`, entry{}, errTime},
		{"combined", `192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] "GET /`, entry{}, errShape},
		{"combined", `x - - [10/Oct/2000:13:55:36 -0700] "GET /appsuite/api/mail?action=threadedAll&session=1 HTTP/2.0" 200 1`, entry{at: at("2000-10-10T20:55:36Z"), kind: act, action: "web.list"}, nil},
		{"combined", `x - - [10/Oct/2000:13:55:36 -0700] "GET /?_task=mail&_action=show&_uid=7 HTTP/2.0" 200 1`, entry{at: at("2000-10-10T20:55:36Z"), kind: act, action: "web.read"}, nil},
		{"combined", `x - - [10/Oct/2000:13:55:36 -0700] "POST /SOGo/so/f/Mail/0/folderINBOX/12/view HTTP/2.0" 200 1`, entry{at: at("2000-10-10T20:55:36Z"), kind: act, action: "web.read", named: true}, nil},
		{"combined", `x - - [10/Oct/2000:13:55:36 -0700] "POST /SOGo/so/f/Mail/0/folderINBOX/view HTTP/2.0" 200 1`, entry{at: at("2000-10-10T20:55:36Z"), kind: act, action: "web.list", named: true}, nil},
		{"haproxy", `Feb  6 12:14:14 localhost haproxy[14389]: 10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {1wt.eu} {} "GET /api/messages HTTP/1.1"`, entry{at: at("2009-02-06T12:14:14.655Z"), took: 109 * time.Millisecond, kind: act, action: "web.list"}, nil},
		{"haproxy", `2001:db8::7:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/+109 200 2750 - - ---- 1/1/1/1/0 0/0 "POST /api/messages HTTP/1.1`, entry{at: at("2009-02-06T12:14:14.655Z"), took: 109 * time.Millisecond, kind: act, action: "web.send"}, nil},
		{"haproxy", `Feb  6 12:12:09 localhost haproxy[14385]: Connect from 10.0.1.2:33312 to 10.0.3.31:8012 (www/HTTP)`, entry{kind: ignored, what: "messages of HAProxy itself"}, nil},
		{"haproxy", `Feb  6 12:12:56 localhost haproxy[14387]: 10.0.1.2:33313 [06/Feb/2009:12:12:51.443] fnt bck/srv1 0/0/5007 212 -- 0/0/0/0/3 0/0`, entry{at: at("2009-02-06T12:12:51.443Z"), kind: ignored, what: "connections without HTTP"}, nil},
		{"haproxy", `Feb  6 12:14:14 localhost haproxy[14389]: 10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in http-in/<NOSRV> -1/-1/-1/-1/0 400 187 - - PR-- 1/1/0/0/0 0/0 "<BADREQ>"`, entry{at: at("2009-02-06T12:14:14.655Z"), kind: ignored, what: "bad requests"}, nil},
		{"dovecot", `Dec 31 23:59:59 imap-login: Info: Logged in: user=<f>, method=PLAIN, rip=1.2.3.4, session=<x>`, entry{at: at("2025-12-31T23:59:59Z"), kind: opened, way: desktop, action: "imap.login", named: true}, nil},
		{"dovecot", `<22>2026-03-02T08:00:01Z m dovecot: imap(f): Connection closed in=58 out=835`, entry{at: at("2026-03-02T08:00:01Z"), kind: closed, way: desktop, action: "imap.fetch", named: true}, nil},
		{"dovecot", `Mar 31 08:00:01 m dovecot: imap(f)<1><x>: flag_change: box=INBOX, uid=1, flags=(\Seen)`, entry{at: at("2026-03-31T08:00:01Z"), kind: act, way: desktop, action: "imap.store", named: true}, nil},
		{"dovecot", `nonsense`, entry{}, errShape},
		{"dovecot", `Mxx 31 08:00:01 m dovecot: imap(f): x`, entry{}, errTime},
		{"postfix", `Mar 31 08:00:01 m postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[1.2.3.4]: 554 5.7.1 <f@g>: Relay access denied`, entry{at: at("2026-03-31T08:00:01Z"), kind: ignored, what: "mails refused by Postfix"}, nil},
		{"iis", `2026-03-02 08:00:01 1.2.3.4 GET /`, entry{}, errNoHead},
		{"tracking", `2026-03-02T08:00:01Z,x`, entry{}, errNoHead},
	} {
		f, ok := findFormat(c.format)
		if !ok {
			t.Fatal(c.format)
		}
		got, err := f.reader(set).parse(c.line)
		if err != c.err {
			t.Errorf("%s: error %v, want %v", c.line, err, c.err)
		}
		if err != nil {
			continue
		}
		if !got.at.Equal(c.want.at) && !c.want.at.IsZero() {
			t.Errorf("%s: at %v", c.line, got.at)
		}
		if (got.user != 0) != (got.kind != ignored && got.kind != unmapped) {
			t.Errorf("%s: user %x", c.line, got.user)
		}
		got.at, got.user, got.exact, got.times = c.want.at, 0, 0, 0
		if got != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", c.line, got, c.want)
		}
	}
}

func TestYears(t *testing.T) {
	s := stamps{setting: setting{zone: time.UTC, now: testTime}}
	for _, c := range []struct {
		stamp string
		year  int
	}{{"Dec 31 23:59:59", 2025}, {"Jan  1 00:00:01", 2026}, {"Feb 28 00:00:01", 2026}} {
		if at, err := s.classic(c.stamp); err != nil || at.Year() != c.year {
			t.Errorf("%s: %v %v", c.stamp, at, err)
		}
	}
	if _, err := s.classic("Feb 29 00:00:01"); err == nil {
		t.Error("2026 has no 29 February")
	}
	s = stamps{setting: setting{zone: time.UTC, now: testTime, year: 2024}}
	if at, err := s.classic("Feb 29 00:00:01"); err != nil || at.Year() != 2024 {
		t.Errorf("%v %v", at, err)
	}
}

func TestDetect(t *testing.T) {
	set := setting{names: newPseudonyms(nil), zone: time.UTC, now: testTime}
	one := []event{{monday, 1, "web.list"}}
	dovecot, postfix, _ := strings.Cut(mailLines, "2026-")
	for want, text := range map[string]string{
		"combined": writeAll("", one, writeCombined), "haproxy": writeAll("", one, writeHAProxy), "iis": writeAll(iisHead, one, writeIIS),
		"tracking": trackingLines, "dovecot": dovecot, "postfix": "2026-" + postfix, "syslog": mailLines,
	} {
		if f, ok := detect(strings.Split(strings.TrimSpace(strings.TrimPrefix(text, "\ufeff")), "\n"), set); !ok || f.name != want {
			t.Errorf("%s is taken for %q", want, f.name)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"*", "", true}, {"/a", "/a", true}, {"/a", "/ab", false}, {"/a*", "/ab", true}, {"*/mail", "/x/mail", true}, {"*/mail", "/x/mail/y", false},
		{"/m/*/#/view", "/m/a/b/12/view", true}, {"/m/*/#/view", "/m/a/b/view", false}, {"*a*b*c", "xxaxxbxxc", true}, {"*a*b*c", "xxaxxbxx", false}, {"#", "x", false}, {"#", "12", true},
		{"a#", "a#", false}, {"*ab*", "xabx", true}, {"*ab*", "xaxb", false}, {"*#*", "x1", true}, {"**", "", true}, {"", "", true}, {"", "x", false}, {"x", "", false},
	} {
		if got := match(c.pattern, c.s); got != c.want {
			t.Errorf("match(%q, %q) = %v", c.pattern, c.s, got)
		}
	}
	if len(Rules()) != len(rules) || Rules()[0].Action != "web.login" {
		t.Error("Rules")
	}
}

// Every format and every way in stands in the documentation, and the documented scenario needs only the fragment.
func TestDocumentation(t *testing.T) {
	raw, err := os.ReadFile("../../docs/learn.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Formats() {
		if !strings.Contains(string(raw), "| `"+f[0]+"` |") {
			t.Errorf("format %s is not documented", f[0])
		}
	}
	for _, w := range append(wayNames[:], InboundPersona) {
		if !strings.Contains(string(raw), "| `"+w+"` |") {
			t.Errorf("way in %s is not documented", w)
		}
	}
	_, rest, _ := strings.Cut(string(raw), "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	var b strings.Builder
	r := learned(t, Options{}, source("a", writeAll("", []event{{monday, 1, "web.login"}, {monday.Add(time.Minute), 1, "web.list"}}, writeCombined)), source("mail.log", mailLines))
	if err := r.WriteFragment(&b, ""); err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{"office.yaml": {Data: []byte(b.String())}}
	if _, err := scenarios.Parse("whole.yaml", []byte(example), scenarios.Options{SkipSecrets: true, Files: files}); err != nil {
		t.Error(err)
	}
}

// FuzzLines feeds every reader with anything, a head line first where the format has one.
func FuzzLines(f *testing.F) {
	for _, text := range []string{mailLines, easLines, trackingLines, iisHead, writeAll("", []event{{monday, 1, "web.list"}}, writeCombined), writeAll("", []event{{monday, 1, "web.read"}}, writeHAProxy)} {
		for line := range strings.Lines(text) {
			f.Add(strings.TrimRight(line, "\r\n"))
		}
	}
	heads := map[string]string{"iis": iisHead, "tracking": trackingLines[:strings.Index(trackingLines, "2026-03-02T08:00:00.127Z")]}
	f.Fuzz(func(t *testing.T, line string) {
		for _, form := range formats {
			p := form.reader(setting{names: newPseudonyms([]byte("k")), zone: time.UTC, now: testTime})
			for head := range strings.Lines(heads[form.name]) {
				_, _ = p.parse(strings.TrimRight(strings.TrimPrefix(head, "\ufeff"), "\r\n"))
			}
			for range 2 {
				e, err := p.parse(line)
				if err != nil {
					if strings.Contains(line, err.Error()) && len(line) < 20 {
						t.Errorf("%s: the error repeats the line", form.name)
					}
					continue
				}
				if e.kind != ignored && (e.at.Year() < 1900 || e.at.Year() > 10000) {
					t.Errorf("%s: time %v", form.name, e.at)
				}
				if e.took < 0 || e.bytes < 0 || e.recipients < 0 || e.times < 0 {
					t.Errorf("%s: %+v", form.name, e)
				}
				c := newCollector(time.UTC)
				if e.kind != ignored {
					c.add(&e)
				}
				c.end()
				c.result(nil, Options{Known: known})
			}
		}
	})
}
