package fallback_test

import (
	"fmt"
	"strings"
	"testing"

	"freefall/fallback"
)

// The words that trails, logs and the state API show are a promise; so is that each value has its own.
func TestWords(t *testing.T) {
	for want, got := range map[string]string{
		"ok rate_limited quota_exhausted auth payment_required context_length content_policy unsupported_feature model_gone " +
			"invalid_request upstream_fault overloaded timeout not_free hedge_lost client_left stopped": words0to(fallback.Stopped),
		"none request model model-upstream key key-minute key-day key-month account provider":                    words0to(fallback.ScopeProvider),
		"pass_through next_model next_model_no_penalty next_model_once_then_return return_to_client":             words0to(fallback.ReturnToClient),
		"none key+model model key account provider":                                                              words0to(fallback.TargetProvider),
		"none retry_after reset_at utc_midnight pacific_midnight month_end 1h 24h backoff config_change forever": words0to(fallback.UntilForever),
		" tools tool_choice vision json_schema":                                                                  words0to(fallback.FeatureJSONSchema),
		"unproven listed local plan allow_paid":                                                                  words0to(fallback.AllowedPaid),
		"chat embedding":                                                                                         words0to(fallback.Embedding),
	} {
		if got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

func words0to[T interface {
	~uint8
	fmt.Stringer
}](last T) string {
	var words []string
	for v := range last + 1 {
		words = append(words, v.String())
	}
	return strings.Join(words, " ")
}

// A fault, a limit or neither: by class, and an overload by its status.
func TestFaultOrLimit(t *testing.T) {
	for word, want := range map[string]string{
		"ok": "", "fault": "fault", "timeout": "fault", "edge": "fault", "busy503": "fault", "busy429": "limit", "429": "limit",
		"spent": "limit", "402": "", "auth": "", "404": "", "toolong": "", "413": "", "left": "", "cost": "",
	} {
		o, got := outcomeOf(word), ""
		if o.Fault() {
			got += "fault"
		}
		if o.Limit() {
			got += "limit"
		}
		if got != want {
			t.Errorf("%s is %q, want %q", word, got, want)
		}
	}
}

func TestChains(t *testing.T) {
	p := fallback.New(fallback.Config{Models: chain("A"), Chains: []fallback.Chain{{Name: "code"}, {Name: "art"}}})
	if got := fmt.Sprint(p.Chains()); got != "[code art]" {
		t.Errorf("chains are %s", got)
	}
}
