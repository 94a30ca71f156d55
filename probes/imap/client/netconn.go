package client

import (
	"net"
	"time"
)

// The addresses and deadlines of a connection, which TLS may ask for.

func (c counted) LocalAddr() net.Addr                { return c.network.LocalAddr() }
func (c counted) RemoteAddr() net.Addr               { return c.network.RemoteAddr() }
func (c counted) SetDeadline(t time.Time) error      { return c.network.SetDeadline(t) }
func (c counted) SetReadDeadline(t time.Time) error  { return c.network.SetReadDeadline(t) }
func (c counted) SetWriteDeadline(t time.Time) error { return c.network.SetWriteDeadline(t) }
