package fallback_test

import (
	"testing"

	"freefall/fallback"
)

// lastGood is a pool that asks first whoever answered last.
func lastGood(rows []fallback.Model) *fallback.Pool {
	return fallback.New(fallback.Config{Models: rows})
}

func TestLastGoodStays(t *testing.T) {
	steps := []step{{0, "plain", "A=fault B=ok", "A 1 ready"}}
	for n := range 20 {
		steps = append(steps, step{steps[n].at + s, "plain", "B=ok", "A 1 ready"})
	}
	play(t, lastGood(chain("A B C")), append(steps,
		step{60*s - 1, "plain", "B=ok", ""},
		step{60 * s, "probe: plain", "A=...", ""},
		step{60 * s, "plain", "B=ok", ""}, // exactly one is at A
		step{61 * s, "plain", "B=ok", ""},
		step{62 * s, "probe", "A=ok", "A 0 ready"},
		step{62 * s, "plain", "A=ok", "A 0 ready"}, // and A is the last good one again
	))
}

func TestFailedProbeRestartsStick(t *testing.T) {
	play(t, lastGood(chain("A B C")), []step{
		{0, "plain", "A=fault B=ok", "A 1 ready"},
		{60 * s, "x: plain", "A=...", ""},
		{70 * s, "x", "A=fault B=ok", "A 2 ready"},
		{130*s - 1, "plain", "B=ok", ""},
		{130 * s, "plain", "A=declined B=ok", ""}, // a mismatch tells no more of A either
		{190*s - 1, "plain", "B=ok", ""},
		{190 * s, "plain", "A=left", ""},
		{190 * s, "plain", "A=hedge", ""}, // nothing is known: the next one goes there at once
		{191 * s, "plain", "A=ok", "A 1 ready"},
		{192 * s, "plain", "A=ok", "A 0 ready"},
	})
}

// Stick counts from the moment the model is available: after its rest, not after its failure.
func TestStickCountsFromTheEndOfTheRest(t *testing.T) {
	for outcome, since := range map[string]step{
		"429":         {at: 30 * s},
		"429/10m":     {at: 10 * m},
		"upstream429": {at: 30 * s},
		"key429/10m":  {at: 10 * m},
		"account429":  {at: 30 * s},
		"provider429": {at: 30 * s},
		"auth":        {at: -1},
		"fault":       {at: 0},
		"fault/5s":    {at: 5 * s},
		"404":         {at: 24 * h},
		"gone":        {at: -1},
	} {
		t.Run(outcome, func(t *testing.T) {
			rows := chain("A B")
			rows[1].Provider, rows[1].Keys = "q", keys("other")
			steps := []step{{0, "plain", "A=" + outcome + " B=ok", ""}}
			if since.at < 0 {
				play(t, lastGood(rows), append(steps, step{1000 * h, "plain", "B=ok", ""}))
				return
			}
			play(t, lastGood(rows), append(steps,
				step{since.at + 60*s - 1, "plain", "B=ok", ""},
				step{since.at + 60*s, "plain", "A=ok", ""}))
		})
	}
}

// The trial of a long rest is due to the model above, too, or nobody would find out that the hint was wrong.
func TestTrialOfALongRestAbove(t *testing.T) {
	play(t, lastGood(chain("A B")), []step{
		{0, "plain", "A=429/10h B=ok", ""},
		{5*h + 1*m - 1, "plain", "B=ok", ""},
		{5*h + 1*m, "plain", "A=429/5s B=ok", "A 2 rests: rate_limited until 10h0m0s"},
		{6*h + 2*m - 1, "plain", "B=ok", ""},
		{6*h + 2*m, "x: plain", "A=...", ""},
		{6*h + 2*m, "plain", "B=ok", ""},
		{6*h + 3*m, "x", "A=ok", "A 1 ready"},
		{6*h + 3*m, "plain", "A=ok", "A 0 ready"},
	})
}

// With a key that rests and one that does not, the model is available.
func TestStickByTheFirstOpenKey(t *testing.T) {
	rows := chain("A B")
	rows[0].Keys = keys("a b")
	play(t, lastGood(rows), []step{
		{0, "plain", "A#0=429/20s A#1=429/10m B=ok", "A 1 rests: rate_limited until 20s"},
		{80*s - 1, "plain", "B=ok", "A 1 ready"},
		{80 * s, "plain", "A#0=ok", "A 0 ready"},
	})
}

// A closed model's trial waits for stick as well, and is then the one probe.
func TestProbeIsTheTrial(t *testing.T) {
	play(t, lastGood(chain("A B")), []step{
		{0, "model=A", "A=fault", ""},
		{0, "model=A", "A=fault", ""},
		{0, "plain", "A=fault B=ok", "A 3 rests: failures until 30s"},
		{90*s - 1, "plain", "B=ok", "A 3 ready: trial"},
		{90 * s, "plain", "A=fault B=ok", "A 3 rests: failures until 2m30s"},
		{210*s - 1, "plain", "B=ok", ""},
		{210 * s, "plain", "A=ok", "A 2 ready"},
		{211 * s, "plain", "A=ok", "A 1 ready"},
	})
}

func TestEachClassHasItsMemory(t *testing.T) {
	rows := chain("A B C")
	rows[1].Tools = false
	play(t, lastGood(rows), []step{
		{0, "plain", "A=fault B=ok", ""},
		{1 * s, "tools", "A=fault C=ok", "A 2 ready"},
		{2 * s, "plain", "B=ok", ""},
		{3 * s, "tools", "C=ok", ""},
		{4 * s, "vision", "A=ok", "A 1 ready"},
		{5 * s, "tools vision", "A=ok", "A 0 ready"},
		{6 * s, "tools", "C=ok", ""},
		{7 * s, "plain", "B=ok", ""},
		{61*s - 1, "plain", "B=ok", ""},
		{61 * s, "plain", "A=ok", ""},
		{61 * s, "tools", "A=ok", ""},
	})
}

// A tools request that finds B without tools goes to A or C and leaves plain requests with B.
func TestToolsLeavePlainAlone(t *testing.T) {
	rows := chain("A B C")
	rows[1].Tools = false
	play(t, lastGood(rows), []step{
		{0, "plain", "A=fault B=ok", ""},
		{1 * s, "tools", "A=ok", ""},
		{2 * s, "plain", "B=ok", ""},
		{3 * s, "tools", "A=fault C=ok", ""},
		{4 * s, "plain", "B=ok", ""},
	})
}

// What one request alone needs moves nobody down: others of its class do not need it.
func TestOddRequestsMoveNobodyDown(t *testing.T) {
	rows := chain("A B C")
	rows[0].JSONSchema, rows[0].Context = false, 4000
	play(t, lastGood(rows), []step{
		{0, "plain", "A=ok", ""},
		{1 * s, "schema", "B=ok", ""},
		{2 * s, "tokens=5000", "B=ok", ""},
		{3 * s, "x: plain", "A=...", ""}, // two at once, so that neither is a probe
		{3 * s, "plain", "A=ok", ""},
		{4 * s, "model=C", "C=ok", ""}, // nor does a name, a list or a chain
		{5 * s, "list=C,B", "C=ok", ""},
		{6 * s, "plain", "A=ok", ""},
		{7 * s, "plain", "A=fault B=ok", ""},
		{8 * s, "model=A", "A=ok", ""}, // not up either
		{9 * s, "plain", "B=ok", ""},
	})
}

// Nor do embeddings, which have no memory.
func TestEmbeddingsMoveNobody(t *testing.T) {
	rows := chain("A B E")
	rows[2].Kind = fallback.Embedding
	play(t, lastGood(rows), []step{
		{0, "plain", "A=fault B=ok", ""},
		{1 * s, "embed", "E=ok", ""},
		{2 * s, "x: plain", "B=...", ""},
		{2 * s, "plain", "B=ok", ""},
	})
}

// A walk that began before the memory moved does not move it down again; up it may.
func TestOldWalksMoveTheMemoryUpOnly(t *testing.T) {
	play(t, lastGood(chain("A B C")), []step{
		{0, "slow: plain", "A=...", ""},
		{0, "slower: plain", "A=...", ""},
		{1 * s, "plain", "A=fault B=ok", ""},
		{2 * s, "slow", "A=fault B=fault C=ok", ""},
		{3 * s, "plain", "B=ok", ""},
		{4 * s, "slower", "A=ok", ""},
		{5 * s, "plain", "A=ok", ""},
	})
}

// The memory moves down when the last good one cannot be asked, and up as soon as a better one has answered.
func TestMemoryMovesDownAndUp(t *testing.T) {
	play(t, lastGood(chain("A B C")), []step{
		{0, "plain", "A=429/10m B=ok", ""},
		{1 * s, "plain", "B=429/5m C=ok", ""},
		{2 * s, "plain", "C=ok", ""},
		{361*s - 1, "plain", "C=ok", ""}, // B is open since 301 s
		{361 * s, "plain", "B=ok", ""},
		{362 * s, "plain", "B=ok", ""},
		{660 * s, "plain", "A=ok", ""},
		{661 * s, "plain", "A=ok", ""},
	})
}

func TestPriorityHasNoMemory(t *testing.T) {
	play(t, byPriority(chain("A B")), []step{
		{0, "plain", "A=fault B=ok", ""},
		{1 * s, "plain", "A=429/5s B=ok", ""},
		{2 * s, "plain", "B=ok", ""},
		{6 * s, "plain", "A=ok", ""},
	})
}
