package real

// xandikosUser runs Xandikos, whose package makes no user.
const xandikosUser = radicaleUser

// XandikosAccount is the login, with the stack's password, of the only account that Xandikos serves: it knows one
// principal. Its calendar is /LOGIN/calendars/calendar/, its address book /LOGIN/contacts/addressbook/.
func XandikosAccount() string { return Account(1) }
