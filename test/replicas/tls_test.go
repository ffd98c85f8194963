//go:build linux && redis

package replicas

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority is a CA of the test's own, which signs what it is asked to.
type authority struct {
	t    *testing.T
	dir  string // of its certificate, and of nothing else
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.cert, a.key = template, newKey(t)
	der := a.sign(template, a.key)
	a.cert, _ = x509.ParseCertificate(der)
	write(t, filepath.Join(a.dir, "ca.pem"), "CERTIFICATE", der)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) sign(template *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return der
}

func write(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// server writes a certificate for a host that is there now, and its key.
func (a *authority) server(dir, host string, lasts time.Duration) (cert, key string) {
	a.t.Helper()
	own := newKey(a.t)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "a redis"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(lasts), DNSNames: []string{host}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if ip := net.ParseIP(host); ip != nil {
		template.DNSNames, template.IPAddresses = nil, []net.IP{ip}
	}
	der, err := x509.MarshalECPrivateKey(own)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(a.t, cert, "CERTIFICATE", a.sign(template, own))
	write(a.t, key, "EC PRIVATE KEY", der)
	return cert, key
}

// startTLS is a Redis that speaks TLS alone, with a user of its own, and a certificate of that authority for that host.
func startTLS(t *testing.T, a *authority, host string, lasts time.Duration) *redis {
	t.Helper()
	r := newRedis(t)
	r.cert, r.key = a.server(r.dir, host, lasts)
	r.start()
	t.Cleanup(r.kill)
	r.say("ACL", "SETUSER", "ana", "on", ">"+password, "~freefall:*", "+@read", "+@write", "+@scripting", "+@connection", "+time")
	return r
}

func TestReplicasOverTLS(t *testing.T) {
	a := newAuthority(t)
	r, p := startTLS(t, a, "127.0.0.1", time.Hour), startProvider(t)
	text := strings.ReplaceAll(yaml(r, p, "rpd: 5", ""), "redis://:", "rediss://ana:")
	all := replicas(t, 2, text, "SSL_CERT_DIR="+a.dir)
	if got := crowd(t, all, 40); got[200] != 5 && metric(t, all[0], "freefall_redis_unanswered_total") == "0" {
		t.Errorf("the clients got %v", got)
	}
	if keys := r.say("KEYS", "*"); !strings.Contains(keys, "freefall:window account") {
		t.Errorf("in Redis there are %s", keys)
	}
	for _, path := range []string{"/metrics", "/api/chat/models", "/api/chat/requests", "/", "/readyz"} {
		if _, page, err := call(http.MethodGet, "http://"+all[0].Addr+path, "", "Authorization", "Bearer "+adminKey); err != nil || strings.Contains(page, password) {
			t.Errorf("%s tells the password: %v", path, err)
		}
	}
}

// Who cannot show that he is the Redis of the URL is told neither password nor anything else; requests are answered meanwhile, and one warning says
// what to do.
func TestARedisThatCannotBeTrusted(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	for what, x := range map[string]struct {
		redis *redis
		trust *authority
		says  string
	}{
		"another authority": {startTLS(t, a, "127.0.0.1", time.Hour), other, "nobody that is trusted here has signed its certificate"},
		"another host":      {startTLS(t, a, "redis.example", time.Hour), a, "not good for the host in the URL"},
		"no longer good":    {startTLS(t, a, "127.0.0.1", -time.Minute), a, "not good for the host in the URL"},
		"no TLS at all":     {startRedis(t), a, "redis:// instead of rediss://"},
	} {
		t.Run(what, func(t *testing.T) {
			p := startProvider(t)
			text := strings.ReplaceAll(yaml(x.redis, p, "rpd: 5", ""), "redis://:", "rediss://ana:")
			f := startReplica(t, folder(t, text), "SSL_CERT_DIR="+x.trust.dir)
			if got := crowd(t, []*replica{f}, 20); !maps.Equal(got, map[int]int{200: 5, 429: 15}) {
				t.Errorf("the clients got %v", got)
			}
			eventually(t, "it says so", func() bool { return strings.Contains(f.log(t), x.says) })
			time.Sleep(50 * time.Millisecond)
			if words := f.log(t); strings.Count(words, "Redis cannot be used") != 1 {
				t.Errorf("it says %s", words)
			}
			if up := metric(t, f, "freefall_redis_up"); up != "0" {
				t.Errorf("redis_up is %s", up)
			}
			if keys := x.redis.say("KEYS", "*"); keys != "" {
				t.Errorf("it has been told %s", keys)
			}
		})
	}
}

// A URL without TLS before a Redis that speaks nothing else.
func TestARedisThatWantsTLS(t *testing.T) {
	r, p := startTLS(t, newAuthority(t), "127.0.0.1", time.Hour), startProvider(t)
	f := startReplica(t, folder(t, yaml(r, p, "rpd: 5", "")))
	if got := crowd(t, []*replica{f}, 20); !maps.Equal(got, map[int]int{200: 5, 429: 15}) {
		t.Errorf("the clients got %v", got)
	}
	eventually(t, "it says so", func() bool { return strings.Contains(f.log(t), "rediss://") })
}
