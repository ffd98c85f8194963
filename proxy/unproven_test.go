package proxy

import (
	"fmt"
	"strings"
	"testing"

	"freefall/fallback"
)

// Whatever picks it, a row without proof of being free is stopped at the one door to a provider, before anything is sent.
func TestNoCallWithoutProof(t *testing.T) {
	r := &reply{exchange: &exchange{}, attempt: &fallback.Attempt{Model: &fallback.Model{ID: "dear"}}, route: &Route{Provider: &Provider{}}}
	defer func() {
		if said := fmt.Sprint(recover()); !strings.Contains(said, "BUG: an unproven model was picked: dear") {
			t.Errorf("it was stopped by %s", said)
		}
	}()
	_, err := r.call()
	t.Errorf("it was let through: %v", err)
}
