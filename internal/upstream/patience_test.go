package upstream

import (
	"net"
	"testing"
	"time"
)

// deadlines notes what a connection was told.
type deadlines struct {
	net.Conn
	told []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.told = append(d.told, t)
	return nil
}

// A deadline that is hardly later than the one before is not worth a call; an earlier one always is, and so is none.
func TestADeadlineThatIsHardlyLaterIsNotTold(t *testing.T) {
	now := time.Now()
	raw := &deadlines{}
	c := &Conn{Conn: raw}
	for _, step := range []struct {
		at   time.Time
		told bool
	}{
		{now.Add(75 * time.Minute), true},
		{now.Add(75 * time.Minute), false},
		{now.Add(76 * time.Minute), false},
		{now.Add(74 * time.Minute), true},
		{now.Add(80 * time.Minute), true},
		{time.Time{}, true},
		{now.Add(time.Hour), true},
		{past, true},
		{now.Add(time.Hour), true},
	} {
		before := len(raw.told)
		if err := c.SetReadDeadline(step.at); err != nil {
			t.Fatal(err)
		}
		if told := len(raw.told) > before; told != step.told {
			t.Errorf("%s: told %t", step.at.Sub(now), told)
		}
	}
}
