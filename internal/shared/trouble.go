package shared

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/redis/rueidis"
)

const mostWords = 300 // of what Redis says of itself

// remedies are what a person can do about what Redis says, by its first word. Redis is looked for all the same, so nothing more has to be done then.
var remedies = map[string]string{
	"NOAUTH":      "it wants a password: redis://USER:PASSWORD@HOST",
	"WRONGPASS":   "user or password in the URL is not the one that it knows",
	"NOPERM":      "its user needs ~freefall:* +@read +@write +@scripting +@connection +time",
	"OOM":         "it is full: raise its maxmemory, or let others write elsewhere",
	"READONLY":    "it is a copy that cannot be written: the URL has to name the primary",
	"MASTERDOWN":  "it is a copy that has lost its primary: the URL has to name the primary",
	"LOADING":     "it has just started and reads its data",
	"BUSY":        "a script of somebody else keeps it busy: SCRIPT KILL ends that",
	"MISCONF":     "it cannot write to its disk: look there for room, and at its log",
	"NOREPLICAS":  "it wants copies that are not there: min-replicas-to-write",
	"MOVED":       "it is a cluster, which does not serve: name a single server",
	"CROSSSLOT":   "it is a cluster, which does not serve: name a single server",
	"CLUSTERDOWN": "it is a cluster, which does not serve: name a single server",
}

// remedy is what to do about an error, and a name for its kind; both are empty for what comes and goes, such as a connection that is refused.
func remedy(err error) (kind, what string) {
	if said := reply(err); said != nil {
		word, _, _ := strings.Cut(said.Error(), " ")
		if strings.HasPrefix(said.Error(), "The user executing") { // so a script of Redis 7.0 says it
			word = "NOPERM"
		}
		if what, ok := remedies[word]; ok {
			return word, what
		}
		return "it refuses", "look at its log"
	}
	var unknown x509.UnknownAuthorityError
	var other x509.HostnameError
	var invalid x509.CertificateInvalidError
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return "authority", "nobody that is trusted here has signed its certificate: put that of its CA into a folder and name the folder in SSL_CERT_DIR"
	case errors.As(err, &other), errors.As(err, &invalid):
		return "certificate", "its certificate is not good for the host in the URL"
	case errors.As(err, &plain):
		return "plain", "it speaks no TLS: redis:// instead of rediss://, or its tls-port"
	}
	return "", ""
}

// misread is what may be wrong where a connection was taken and came to nothing.
func (s *Store) misread(err error) (kind, what string) {
	var late net.Error
	switch {
	case s.options.TLSConfig != nil && errors.As(err, &late) && late.Timeout():
		return "plain", "if it speaks no TLS: redis:// instead of rediss://, or its tls-port"
	case s.options.TLSConfig == nil && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)):
		return "encrypted", "if it speaks TLS: rediss:// instead of redis://"
	}
	return "", ""
}

// reply is what Redis itself has said of why it does not do it, nil if it said nothing.
func reply(err error) *rueidis.RedisError {
	var said *rueidis.RedisError
	errors.As(err, &said)
	return said
}

// away notes that Redis does not serve. It is said once for each kind of trouble, not for each request, and once a minute of a Redis that comes and
// goes.
func (s *Store) away(err error) {
	s.up.Store(false)
	kind, what := remedy(err)
	if kind == "" && s.client.Load() == nil {
		kind, what = s.misread(err)
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.troubled && (kind == "" || kind == s.trouble) {
		return
	}
	s.troubled, s.trouble = true, kind
	if last, ok := s.warned[kind]; ok && now.Sub(last) < quiet {
		return
	}
	s.warned[kind] = now
	text := s.words(err)
	if what == "" {
		s.config.Log.Warn().Msg("Redis does not answer, each replica goes by its own counts until it does: " + text)
		return
	}
	s.config.Log.Warn().Msg("Redis cannot be used, each replica goes by its own counts until it can: " + text + "; " + what)
}

// back notes that Redis serves, and says whether it did not.
func (s *Store) back() bool {
	s.failures.Store(0)
	s.up.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.troubled
	s.troubled, s.trouble = false, ""
	return was
}

// words are an error's, without anything of the URL that is secret, in one line.
func (s *Store) words(err error) string {
	if err == nil {
		return "no connection"
	}
	text := err.Error()
	for _, secret := range []string{s.options.Password, s.options.Username} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "****")
		}
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	if all := []rune(text); len(all) > mostWords {
		text = string(all[:mostWords])
	}
	return text
}
