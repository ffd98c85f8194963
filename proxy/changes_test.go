package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"freefall/fallback"
)

func TestChangesAreKeptAndTold(t *testing.T) {
	inBubble(t, plan{models: chain("a")}, func(w *world) {
		x := Change{At: time.Now(), Provider: "p", ID: "a", What: "gone", Why: "<b>not listed</b>"}
		w.proxy.Changed(x)
		w.proxy.Changed(Change{At: time.Now().Add(-48 * time.Hour), Provider: "p", ID: "old", What: "joined"})
		got := w.do("GET", "/api/chat/history", "")
		if !strings.Contains(got.body, `"roster":[{"time":"`) || !strings.Contains(got.body, `"model":"a","change":"gone"`) || strings.Contains(got.body, "old") {
			t.Errorf("the history says %s", got.body)
		}
	})
}

func TestChangesOutliveARestart(t *testing.T) {
	var c, again Changes
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for i := range maxChanges + 5 {
		c.Add(Change{At: at.Add(time.Duration(i) * time.Second), Provider: "p", ID: fmt.Sprint(i), What: "joined"})
	}
	notes := append(c.Save(), fallback.Note{Kind: changeNote, Text: "spoilt"}, fallback.Note{Kind: "other"})
	again.Restore(notes)
	kept := again.Since(time.Time{})
	if len(kept) != maxChanges || kept[0] != c.Since(time.Time{})[0] || kept[0].ID != "5" {
		t.Errorf("%d are kept, the first is %+v", len(kept), kept[0])
	}
}
