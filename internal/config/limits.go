package config

import (
	"slices"
	"time"
)

// numbers are all that is counted.
func (l *Limits) numbers() []*int64 {
	all := []*int64{l.RPM, l.RPD, l.TPM, l.TPD, l.Concurrency}
	for i := range l.Windows {
		all = append(all, l.Windows[i].Requests, l.Windows[i].Tokens)
	}
	return all
}

// never says whether a limit of 0 forbids every call.
func (l *Limits) never() bool {
	return l != nil && slices.ContainsFunc(l.numbers(), func(n *int64) bool { return n != nil && *n == 0 })
}

// Never says whether a limit of 0 forbids every call of models that have no limits of their own.
func (p *Provider) Never() bool { return p.Limits.never() || p.ModelLimits.never() }

// orAbsent is nil for an empty mapping, which says nothing: the word for no limit is none.
func (l *Limits) orAbsent() *Limits {
	if l == nil || l.None || l.DayResets != nil || l.Windows != nil || slices.ContainsFunc(l.numbers(), func(n *int64) bool { return n != nil }) {
		return l
	}
	return nil
}

// same says whether two limits that are written grant the same.
func (l *Limits) same(other *Limits) bool {
	return slices.EqualFunc(l.numbers(), other.numbers(), equal[int64]) && l.Day().String() == other.Day().String() &&
		slices.EqualFunc(l.Windows, other.Windows, func(a, b Window) bool { return a.Per == b.Per && a.Kind == b.Kind })
}

func equal[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// Day is when a day of these limits begins; 00:00 UTC unless they say otherwise.
func (l *Limits) Day() DayReset {
	if l.DayResets != nil {
		return *l.DayResets
	}
	return DayReset{Zone: time.UTC}
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
