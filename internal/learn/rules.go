package learn

// rule maps requests to an action. Paths are compared in lower case; * stands for any characters, # for digits. All
// conditions must hold; the first rule that fits counts.
type rule struct {
	software string
	method   string // empty: any; several with |
	path     string
	query    string // key=value|value, several with a space; keys and values in lower case
	status   int    // 0: any
	kind     kind
	way      way // for caldav and carddav: where the client does not show which
	action   string
}

// rules is the table of what is known: reading it is reading what pegel learn understands of HTTP. An action that pegel
// does not have (eas.fetch) is counted and shown, and stands in the fragment as a comment.
var rules = []rule{
	// Open-Xchange App Suite, HTTP API.
	{"ox", "", "*/login", "action=login|formlogin", 0, login, browser, "web.login"},
	{"ox", "", "*/login", "action=logout", 0, act, browser, "web.logout"},
	{"ox", "", "*/login", "action=autologin|store|refreshsecret", 0, background, browser, ""},
	{"ox", "", "*/mail", "action=all|threadedall|list", 0, act, browser, "web.list"},
	{"ox", "", "*/mail", "action=search", 0, act, browser, "web.search"},
	{"ox", "", "*/mail", "action=get", 0, act, browser, "web.read"},
	{"ox", "POST|PUT", "*/mail", "action=new|send", 0, act, browser, "web.send"},
	{"ox", "POST", "*/mail/compose/*/send", "", 0, act, browser, "web.send"},
	{"ox", "", "*/mail", "action=updates|examine", 0, background, browser, ""},
	{"ox", "", "*/folders", "action=updates", 0, background, browser, ""},
	{"ox", "", "*/system", "action=ping", 0, background, browser, ""},
	{"ox", "", "*/socket.io/*", "", 0, background, browser, ""},

	// Exchange: ActiveSync, which SOGo and Open-Xchange answer under the same name.
	{"activesync", "POST", "*microsoft-server-activesync*", "cmd=ping", 0, background, mobile, "eas.ping"},
	{"activesync", "POST", "*microsoft-server-activesync*", "cmd=sync", 0, act, mobile, "eas.sync"},
	{"activesync", "POST", "*microsoft-server-activesync*", "cmd=sendmail|smartreply|smartforward", 0, act, mobile, "eas.send"},
	{"activesync", "POST", "*microsoft-server-activesync*", "cmd=itemoperations|getattachment", 0, act, mobile, "eas.fetch"},
	{"activesync", "POST", "*microsoft-server-activesync*", "cmd=search|find", 0, act, mobile, "eas.search"},
	{"activesync", "POST", "*microsoft-server-activesync*", "cmd=foldersync|getitemestimate|provision|settings", 0, background, mobile, "eas.folders"},
	{"activesync", "", "*microsoft-server-activesync*", "", 0, background, mobile, ""},

	// Exchange: Outlook on the web.
	{"owa", "POST", "/owa/auth.owa", "", 0, login, browser, "web.login"},
	{"owa", "", "/owa/logoff.owa", "", 0, act, browser, "web.logout"},
	{"owa", "", "/owa/service.svc*", "action=findconversation|finditem", 0, act, browser, "web.list"},
	{"owa", "", "/owa/service.svc*", "action=getitem|getconversationitems", 0, act, browser, "web.read"},
	{"owa", "", "/owa/service.svc*", "action=createitem", 0, act, browser, "web.send"}, // one for each message begun
	{"owa", "", "/owa/service.svc*", "action=subscribetonotification|getowauserconfiguration|logdatapoint|updateitem|getfolder", 0, background, browser, ""},
	{"owa", "", "/owa/ev.owa*", "", 0, background, browser, ""},
	{"owa", "", "/owa/sessiondata.ashx", "", 0, background, browser, ""},
	{"owa", "GET", "/owa/", "", 0, background, browser, ""},

	// Exchange: Outlook and what speaks its protocols. Their users are there; what they do is not to be seen.
	{"outlook", "", "/mapi/*", "", 0, background, desktop, ""},
	{"outlook", "", "/rpc/*", "", 0, background, desktop, ""},
	{"outlook", "", "/ews/*", "", 0, background, desktop, ""},
	{"outlook", "", "/oab/*", "", 0, background, desktop, ""},
	{"outlook", "", "/autodiscover/*", "", 0, ignored, desktop, ""},

	// Roundcube.
	{"roundcube", "POST", "*", "_task=login", 0, login, browser, "web.login"},
	{"roundcube", "", "*", "_task=logout", 0, act, browser, "web.logout"},
	{"roundcube", "", "*", "_task=mail _action=list", 0, act, browser, "web.list"},
	{"roundcube", "", "*", "_task=mail _action=search", 0, act, browser, "web.search"},
	{"roundcube", "GET", "*", "_task=mail _action=compose", 0, act, browser, "web.compose"},
	{"roundcube", "", "*", "_task=mail _action=show|preview", 0, act, browser, "web.read"},
	{"roundcube", "POST", "*", "_task=mail _action=send", 0, act, browser, "web.send"},
	{"roundcube", "", "*", "_action=refresh|check-recent|keep-alive|getunread", 0, background, browser, ""},

	// SOGo.
	{"sogo", "POST", "/sogo/connect", "", 0, login, browser, "web.login"},
	{"sogo", "", "/sogo/so/*/logoff", "", 0, act, browser, "web.logout"},
	{"sogo", "", "/sogo/so/*/mail/*/#/view", "", 0, act, browser, "web.read"},
	{"sogo", "", "/sogo/so/*/mail/*/view", "", 0, act, browser, "web.list"},
	{"sogo", "", "/sogo/so/*/mail/*/send", "", 0, act, browser, "web.send"},
	{"sogo", "", "/sogo/so/*/mail/*unseencount", "", 0, background, browser, ""},
	{"sogo", "", "/sogo/so/*/mail/*state", "", 0, background, browser, ""},
	{"sogo", "", "/sogo/so/*/alarmslist", "", 0, background, browser, ""},

	// The embedded webmail of pegel.
	{"pegel", "POST", "/api/login", "", 0, login, browser, "web.login"},
	{"pegel", "POST", "/api/logout", "", 0, act, browser, "web.logout"},
	{"pegel", "GET", "/api/messages", "", 0, act, browser, "web.list"},
	{"pegel", "GET", "/api/messages/*", "", 0, act, browser, "web.read"},
	{"pegel", "POST", "/api/messages", "", 0, act, browser, "web.send"},

	// CardDAV, by the paths of address books in front of CalDAV, whose methods it shares.
	{"carddav", "PROPFIND", "*carddav*", "", 0, act, calendar, "carddav.discover"},
	{"carddav", "REPORT", "*carddav*", "", 0, act, calendar, "carddav.query"},
	{"carddav", "PUT", "*carddav*", "", 201, act, calendar, "carddav.create"},
	{"carddav", "PUT", "*carddav*", "", 0, act, calendar, "carddav.update"},
	{"carddav", "DELETE", "*carddav*", "", 0, act, calendar, "carddav.delete"},
	{"carddav", "", "*carddav*", "", 0, background, calendar, ""},
	{"carddav", "PROPFIND", "*addressbook*", "", 0, act, calendar, "carddav.discover"},
	{"carddav", "REPORT", "*addressbook*", "", 0, act, calendar, "carddav.query"},
	{"carddav", "PUT", "*addressbook*", "", 201, act, calendar, "carddav.create"},
	{"carddav", "PUT", "*addressbook*", "", 0, act, calendar, "carddav.update"},
	{"carddav", "DELETE", "*addressbook*", "", 0, act, calendar, "carddav.delete"},
	{"carddav", "", "*addressbook*", "", 0, background, calendar, ""},
	{"carddav", "PROPFIND", "*/contacts/*", "", 0, act, calendar, "carddav.discover"},
	{"carddav", "REPORT", "*/contacts/*", "", 0, act, calendar, "carddav.query"},
	{"carddav", "PUT", "*/contacts/*", "", 201, act, calendar, "carddav.create"},
	{"carddav", "PUT", "*/contacts/*", "", 0, act, calendar, "carddav.update"},
	{"carddav", "DELETE", "*/contacts/*", "", 0, act, calendar, "carddav.delete"},
	{"carddav", "", "*/contacts/*", "", 0, background, calendar, ""},

	// CalDAV, whoever answers it: the methods are nobody else's.
	{"caldav", "PROPFIND", "*", "", 0, act, calendar, "caldav.discover"},
	{"caldav", "REPORT", "*", "", 0, act, calendar, "caldav.query"},
	{"caldav", "PUT", "*.ics", "", 201, act, calendar, "caldav.create"},
	{"caldav", "PUT", "*.ics", "", 0, act, calendar, "caldav.update"},
	{"caldav", "DELETE", "*.ics", "", 0, act, calendar, "caldav.delete"},
	{"caldav", "OPTIONS|PROPPATCH|MKCALENDAR|MKCOL", "*", "", 0, background, calendar, ""},
}

// Rule is a row of the table of rules, for people.
type Rule struct{ Software, Request, Action string }

// Rules lists what pegel learn knows of HTTP, in the order in which it is tried.
func Rules() []Rule {
	var list []Rule
	for _, r := range rules {
		request := r.path
		if r.method != "" {
			request = r.method + " " + request
		}
		if r.query != "" {
			request += "?" + r.query
		}
		action := r.action
		switch {
		case r.kind == background:
			action = "the user is there"
		case r.kind == ignored:
			action = "ignored"
		}
		list = append(list, Rule{r.software, request, action})
	}
	return list
}
