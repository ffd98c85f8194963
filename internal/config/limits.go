package config

import "slices"

func (l *Limits) numbers() []*int64 { return []*int64{l.RPM, l.RPD, l.TPM, l.TPD, l.Concurrency} }

// counts says whether there is anything to count: a limit of 0, never call, needs no counting.
func (l *Limits) counts() bool {
	return l != nil && (len(l.Windows) > 0 || slices.ContainsFunc(l.numbers(), func(n *int64) bool { return n != nil && *n > 0 }))
}

// never says whether a limit of 0 forbids every call.
func (l *Limits) never() bool {
	return l != nil && slices.ContainsFunc(l.numbers(), func(n *int64) bool { return n != nil && *n == 0 })
}

// Over lays these limits over wider ones, key by key; the word none lifts them all. Nil on both
// sides is nil: nothing is said.
func (l *Limits) Over(wider *Limits) *Limits {
	if l == nil || wider == nil || l.None {
		return either(l, wider)
	}
	windows := l.Windows
	if windows == nil {
		windows = wider.Windows
	}
	return &Limits{
		RPM:         either(l.RPM, wider.RPM),
		RPD:         either(l.RPD, wider.RPD),
		TPM:         either(l.TPM, wider.TPM),
		TPD:         either(l.TPD, wider.TPD),
		Concurrency: either(l.Concurrency, wider.Concurrency),
		DayResets:   either(l.DayResets, wider.DayResets),
		Windows:     windows,
		None:        l.None,
	}
}

func either[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}
