package proxy

import (
	"crypto/sha256"
	"strconv"
	"sync/atomic"
	"time"

	"freefall/internal/openai"
	"freefall/internal/upstream"
)

// Settings are what a configuration says to the proxy. They are never changed once given to New or Reconfigure.
type Settings struct {
	Clients        []Client // none = open
	AdminKey       string
	AllowedOrigins []string      // beside localhost, 127.0.0.1 and [::1] on any port; "*" = all
	AllowedHosts   []string      // beside IP literals, localhost and single labels
	MaxBody        int           // bytes; default 32 MiB
	Total          time.Duration // request to commit point; default 120 s
	MaxWait        time.Duration // how long a request may wait for a limit to end; 0 = not at all
	Validate       bool          // a whole answer that breaks the form that was asked for moves on once
	Hedge          Hedge         // when a second attempt starts beside a slow first one
	Continue       bool          // a text that breaks off goes on from another model

	// NoKey says which variables to set when no provider has a usable key; Help says what would add capacity. Sentences.
	NoKey string
	Help  string

	keys []keyHash
}

// Client is somebody who may ask. Without a name it is client-N, the N-th of the list.
type Client struct {
	Name string
	Key  string
}

type keyHash struct {
	hash  [sha256.Size]byte
	name  string
	admin bool
	meter *clientMeter // nil for the admin
}

// Provider is how one provider is reached. Nothing of it changes once it was asked.
type Provider struct {
	Name     string
	ChatURL  string // the whole address of its chat completions
	EmbedURL string // likewise of its embeddings
	Dialect  *openai.Dialect
	Edits    openai.Edits // what its dialect drops, renames or needs
	Local    bool         // loopback and private addresses may be dialled
	Keys     []string     // by fallback's key index; "" = keyless
	Headers  []upstream.Header

	templates atomic.Pointer[templates]
}

// Route is how one row is reached: what Model.Via of the pool's rows holds.
type Route struct {
	Provider   *Provider
	Connect    time.Duration // dial and TLS, within the others
	FirstToken time.Duration // a streamed attempt, sending to commit point
	Answer     time.Duration // a not streamed attempt, sending to the whole body
	Idle       time.Duration // silence after the commit point
	MinRate    int           // characters that a stream has to say within a second of its first content; 0 = any number
}

func (s Settings) withDefaults() *Settings {
	if s.MaxBody <= 0 {
		s.MaxBody = 32 << 20
	}
	if s.Total <= 0 {
		s.Total = 2 * time.Minute
	}
	for i, c := range s.Clients {
		if c.Name == "" {
			c.Name = "client-" + strconv.Itoa(i+1)
		}
		s.keys = append(s.keys, keyHash{hash: sha256.Sum256([]byte(c.Key)), name: c.Name})
	}
	if s.AdminKey != "" {
		s.keys = append(s.keys, keyHash{hash: sha256.Sum256([]byte(s.AdminKey)), name: "admin", admin: true})
	}
	return &s
}
