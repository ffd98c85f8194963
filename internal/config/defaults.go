package config

import "time"

// Where state and log lie unless somebody says otherwise. The image sets both at link time (see Dockerfile): its config folder
// is read-only, its state has a volume, and its log is what it writes to standard error.
var (
	dataDir = "data"
	logFile = "logs/app.log"
)

// defaults is what holds when nobody says otherwise. Nothing else in the program has a default for a key of models.yaml.
func defaults() Config {
	return Config{
		Listen:   "127.0.0.1:8000",
		DataDir:  dataDir,
		FreeOnly: true,
		Privacy:  "any",
		MaxBody:  32 << 20,
		Drain:    25 * time.Second,
		Timeouts: Timeouts{
			Connect:    3 * time.Second,
			FirstToken: 20 * time.Second,
			Answer:     90 * time.Second,
			Idle:       30 * time.Second,
			Total:      120 * time.Second,
		},
		Routing: Routing{
			Order:        "last_good",
			Stick:        60 * time.Second,
			MaxWait:      15 * time.Second,
			MaxWaiting:   200,
			HedgeShare:   0.1,
			Pace:         "off",
			Spread:       "even",
			BrokenStream: "error",
			Validate:     "off",
		},
		Breaker: Breaker{Failures: 3, Cooldown: 30 * time.Second, MaxCooldown: 10 * time.Minute},
		Log:     Log{Level: "info", Format: "auto", File: logFile},
	}
}

// withDefaults fills in what the file leaves out of a provider.
func (p *Provider) withDefaults() {
	setDefault(&p.Free, "auto")
	if !p.Discover.Off {
		setDefault(&p.Discover.Every, time.Hour)
		setDefault(&p.Discover.Approve, "auto")
	}
	for _, l := range []*Limits{p.Limits, p.ModelLimits} {
		l.withDefaults()
	}
}

func (l *Limits) withDefaults() {
	if l == nil {
		return
	}
	for i := range l.Windows {
		setDefault(&l.Windows[i].Kind, "sliding")
	}
}

func (c *Chain) withDefaults() {
	setDefault(&c.Privacy, "any")
	setDefault(&c.Match.Vision, c.Match.Images)
	setDefault(&c.Match.JSONSchema, c.Match.JSON)
}

func (m *Model) withDefaults() {
	setDefault(&m.Name, m.ID)
	setDefault(&m.Kind, "chat")
	m.Limits.withDefaults()
}

func (t *Timeouts) withDefaults(wider Timeouts) {
	setDefault(&t.Connect, wider.Connect)
	setDefault(&t.FirstToken, wider.FirstToken)
	setDefault(&t.Answer, wider.Answer)
	setDefault(&t.Idle, wider.Idle)
	setDefault(&t.MinRate, wider.MinRate)
	setDefault(&t.Total, wider.Total)
}

func setDefault[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}
