package fallback

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A pool that is restored from what another saved shows the same state and chooses alike.
func TestSavedStateIsTheSameState(t *testing.T) {
	t0 := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	config := Config{Order: Priority, Models: []Model{
		{Provider: "p", ID: "a", Tools: true, Proof: ProvenListed, Keys: []Key{{Account: "x"}, {Account: "x"}, {Account: "y"}}},
		{Provider: "p", ID: "b", Tools: true, Proof: ProvenListed, Keys: []Key{{Account: "x"}, {Account: "x"}, {Account: "y"}}},
		{Provider: "q", ID: "c", Tools: true, Proof: ProvenListed, Keys: []Key{{Account: "z"}}},
		{Provider: "r", ID: "d", Tools: true, Proof: ProvenListed, Keys: []Key{{Account: "w"}}},
	}}
	for name, outcomes := range map[string][]Outcome{
		"faults":          {{Class: UpstreamFault, Target: TargetModel, Until: UntilBackoff}},
		"limit":           {{Class: RateLimited, Target: TargetPair, Until: UntilRetryAfter, RetryAfter: time.Hour * 3, Stated: true}},
		"account":         {{Class: RateLimited, Target: TargetAccount, Until: UntilUTCMidnight, Proven: true}},
		"key":             {{Class: RateLimited, Target: TargetKey, Until: UntilBackoff}},
		"provider":        {{Class: QuotaExhausted, Target: TargetProvider, Until: UntilHour}},
		"gone":            {{Class: ModelGone, Target: TargetModel, Until: UntilForever}},
		"feature":         {{Class: UnsupportedFeature, Action: NextModelNoPenalty, Feature: FeatureTools}},
		"several at once": {{Class: Timeout}, {Class: RateLimited, Target: TargetModel, Until: UntilBackoff}},
	} {
		t.Run(name, func(t *testing.T) {
			first := New(config)
			for i := range 5 {
				now := t0.Add(time.Duration(i) * time.Second)
				w := Walk{}
				if a, ok := first.Pick(now, &w); ok {
					a.End(now, outcomes[i%len(outcomes)])
				}
			}
			now := t0.Add(10 * time.Second)
			text, err := json.Marshal(first.Save(now))
			if err != nil {
				t.Fatal(err)
			}
			var saved Saved
			if err := json.Unmarshal(text, &saved); err != nil {
				t.Fatal(err)
			}
			second := New(config)
			second.Restore(saved)
			for _, after := range []time.Duration{0, time.Minute, time.Hour, 4 * time.Hour, 13 * time.Hour} {
				at := now.Add(after)
				if diff := cmp.Diff(told(first.Snapshot(at)), told(second.Snapshot(at))); diff != "" {
					t.Errorf("after %v (first, restored):\n%s", after, diff)
				}
				for _, need := range []Need{{}, {Tools: true}} {
					one, two := Walk{Need: need}, Walk{Need: need}
					if a, b := asked(first, at, &one), asked(second, at, &two); !slices.Equal(a, b) {
						t.Errorf("after %v %+v: asked %v, restored %v", after, need, a, b)
					}
				}
			}
		})
	}
}

// told is a snapshot without what is not saved.
func told(rows []Status) []Status {
	for i := range rows {
		rows[i].Model, rows[i].SuccessRate, rows[i].Recent = nil, 0, ""
	}
	return rows
}

// asked are the models that a walk would ask if nobody answered, without telling the pool of it.
func asked(p *Pool, at time.Time, w *Walk) []string {
	var ids []string
	for {
		a, ok := p.Pick(at, w)
		if !ok {
			return ids
		}
		ids = append(ids, a.Model.ID)
		a.End(at, Outcome{Class: ClientLeft})
	}
}

func TestRestsThatAPersonEndsAreNotSaved(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	p := New(Config{Models: []Model{{Provider: "p", ID: "a", Proof: ProvenListed, Keys: []Key{{}}}}})
	w := Walk{}
	a, _ := p.Pick(now, &w)
	a.End(now, Outcome{Class: Auth, Target: TargetKey, Until: UntilConfigChange})
	if saved := p.Save(now); len(saved.Rests) != 0 {
		t.Errorf("saved %+v", saved.Rests)
	}
}

func TestRestoreBearsNonsense(t *testing.T) {
	p := New(Config{Models: []Model{{Provider: "p", ID: "a", Proof: ProvenListed, Keys: []Key{{}}}}})
	p.Restore(Saved{
		Models: []SavedModel{{Provider: "p", ID: "a", FailureCount: 99, Level: -3, Refused: []Lack{{"wings", time.Time{}}}}, {Provider: "gone", ID: "x", FailureCount: -1}},
		Rests:  []SavedRest{{Target: "moon", Provider: "p"}, {Target: "account", Provider: "p", Class: strings.Repeat("x", 99), Level: -1}},
	})
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	if s := p.Snapshot(now)[0]; s.FailureCount > 3 || s.Reason != "" && s.Reason != reasonTrial {
		t.Errorf("%+v", s)
	}
	w := Walk{}
	if _, ok := p.Pick(now, &w); !ok {
		t.Error("nobody can be asked")
	}
}
