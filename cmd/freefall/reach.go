package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"freefall/internal/config"
)

// reach is which running freefall a command asks, and by which key.
type reach struct {
	options config.Options
	url     string
	key     string
}

func (r *reach) flags(cmd *cobra.Command) {
	configFlags(cmd, &r.options)
	cmd.Flags().StringVar(&r.url, "url", "", "address of the running freefall (default: where the config listens)")
	cmd.Flags().StringVar(&r.key, "key", "", "key of the running freefall (default: the admin key of the config, else its first client's)")
}

// caller asks the freefall that the flags name, or else the config.
func (r *reach) caller() (*caller, error) {
	c, err := load(r.options)
	if err != nil {
		return nil, err
	}
	at, err := address("--url", r.url, r.options)
	if err != nil {
		return nil, err
	}
	key := r.key
	if key == "" {
		key = c.AdminKey.Reveal()
	}
	if key == "" && len(c.Clients) > 0 {
		key = c.Clients[0].Key.Reveal()
	}
	return newCaller(at, key), nil
}

// address is what people write for one in a flag: with a scheme or without, or as the base_url of an SDK. Without any it is where
// the config listens.
func address(flag, text string, o config.Options) (string, error) {
	if text == "" {
		return ownURL(o)
	}
	whole := text
	if !strings.Contains(text, "://") {
		whole = "http://" + text
	}
	u, err := url.Parse(whole)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.HasSuffix(u.Host, ":") || u.RawQuery != "" {
		return "", exitError{2, fmt.Errorf("%s wants an address such as http://127.0.0.1:8000, not %q", flag, text)}
	}
	return strings.TrimSuffix(strings.TrimRight(whole, "/"), "/v1"), nil
}

// ownURL is where a freefall with this config can be reached from this machine.
func ownURL(o config.Options) (string, error) {
	// The environment wins over the file, which is not even read then: a running freefall keeps its last good config, and a
	// broken edit must not make its container look ill.
	listen := strings.TrimSpace(os.Getenv("FREEFALL_LISTEN"))
	if listen == "" {
		c, err := load(o)
		if err != nil {
			return "", err
		}
		listen = c.Listen
	}
	return urlOf(listen)
}

// urlOf is how a person on this machine asks what listens there: "every address" is none that can be asked.
func urlOf(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", exitError{2, err}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

// away says that nobody answers there. What was asked stands in the message already, so that only the cause is told.
func away(at string, err error) error {
	if asked, ok := errors.AsType[*url.Error](err); ok {
		err = asked.Err
	}
	return fmt.Errorf("no freefall at %s (%w); start one, such as freefall demo, or name another with --url", at, err)
}
