package upstream

import (
	"context"
	"net/netip"
	"syscall"
)

// guard says which addresses may be dialled. It sees the real address, after names were resolved.
type guard struct {
	name     string // the URL's host
	local    bool   // loopback and private ones too
	anywhere bool   // the address was named by the operator
}

// check is what net.Dialer calls before it connects.
func (g guard) check(_ context.Context, _, addr string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		return ErrRefusedAddress
	}
	return g.allow(at.Addr())
}

func (g guard) allow(ip netip.Addr) error {
	ip = embedded(ip.WithZone("").Unmap())
	switch {
	case g.anywhere, reachable(ip):
		return nil
	case g.local && (ip.IsLoopback() || isPrivate(ip) || g.spells(ip)):
		return nil
	}
	return ErrRefusedAddress
}

// spells tells whether the URL itself holds this very address.
func (g guard) spells(ip netip.Addr) bool {
	written, err := netip.ParseAddr(g.name)
	return err == nil && embedded(written.WithZone("").Unmap()) == ip
}

var (
	private = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "100.64.0.0/10")
	special = prefixes("0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "198.18.0.0/15", "224.0.0.0/3", "::/96", "64:ff9b:1::/48", "fe80::/10", "fec0::/10", "ff00::/8")
	nat64   = netip.MustParsePrefix("64:ff9b::/96")
)

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// isPrivate includes the shared addresses of carriers, which overlay networks use.
func isPrivate(ip netip.Addr) bool { return within(ip, private) }

func reachable(ip netip.Addr) bool {
	return ip.IsValid() && !ip.IsLoopback() && !within(ip, private) && !within(ip, special)
}

func within(ip netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// embedded is the IPv4 address behind a NAT64 one, or ip itself.
func embedded(ip netip.Addr) netip.Addr {
	if !nat64.Contains(ip) {
		return ip
	}
	b := ip.As16()
	return netip.AddrFrom4([4]byte(b[12:]))
}
