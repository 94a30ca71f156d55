package learn

import "strings"

// template is a request as it may be shown: of the path only words that stand in the table below, everything else is *, so
// that no name of a person, mailbox or file can pass. Of the query only actions from the table remain.
func template(method, path, query string) string {
	var b strings.Builder
	if oneOf("GET|POST|PUT|DELETE|HEAD|OPTIONS|PATCH|PROPFIND|PROPPATCH|REPORT|MKCOL|MKCALENDAR|MOVE|COPY|LOCK|UNLOCK", method) {
		b.WriteString(strings.ToUpper(method))
	} else {
		b.WriteByte('*')
	}
	b.WriteByte(' ')
	hidden := false
	shown := 0
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if segment == "" {
			continue
		}
		if shown++; shown > 6 {
			break
		}
		if vocabulary[segment] {
			b.WriteString("/" + segment)
			hidden = false
			continue
		}
		ending := ""
		for _, known := range []string{".php", ".html", ".htm", ".aspx", ".ashx", ".json", ".xml", ".ics", ".vcf", ".jsp"} {
			if strings.HasSuffix(segment, known) {
				ending = known
			}
		}
		if !hidden || ending != "" {
			b.WriteString("/*" + ending)
		}
		hidden = ending == ""
	}
	if shown == 0 {
		b.WriteByte('/')
	}
	join := "?"
	for _, key := range []string{"_task", "_action", "action", "cmd"} {
		if v, ok := value(query, key); ok {
			if v = strings.ToLower(v); !vocabulary[v] {
				v = "*"
			}
			b.WriteString(join + key + "=" + v)
			join = "&"
		}
	}
	return b.String()
}

// vocabulary are the words of mail software, none of which is a name.
var vocabulary = wordSet(`
	.well-known accounts activesync addressbook addressbooks ajax alarmslist api apps appsuite assets attachment attachments
	auth autodiscover availability caldav calendar calendars carddav chronos compose config connect contacts copy core
	dav default.eas delete download drafts drive ecp emsmdb ev.owa ev.owa2 events ews exchange.asmx export files folder folders freebusy
	get getitem healthcheck.htm healthz health home import index.html index.php infostore inbox items jmap jslob list login
	logon.aspx logoff logout mail mailbox mailboxes mails mailcompose mapi message messages metrics microsoft-server-activesync
	move multiple new nspi oab office365 owa ping preview principals print public push quota realtime recipients redirect
	remote.php reminder reply resources rest rpc rpcproxy.dll rss save search send sent service.svc services session
	sessions settings share show so socket.io sogo status store sync system tasks threads token trash trashed undelete unread
	update updates upload user.php users v1 v2 v3 view viewer webdav webmail websocket
	all archive clear collect compute count examine expunge findconversation findfolder finditem findpeople
	getattachment getcalendarview getconversationitems getfileattachment getfolder getpersona getreminders
	getuseravailability getitemestimate itemoperations mark moveitem movecopy performreminderaction plugin.managesieve
	provision refresh resolverecipients sendmail smartforward smartreply subscribetonotification threadedall updateitem
	deleteitem createitem createattachment getmailtips autocomplete suggest viewsource pagenav bounce headers foldersync
	moveitems meetingresponse validatecert`)

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(text) {
		set[w] = true
	}
	return set
}
