package config

import "strings"

// maxExpanded bounds what all variables of a file together may grow to.
const maxExpanded = 4 << 20

// expand replaces ${VAR}, ${VAR:-default} and ${VAR:?message}; $${ stands for ${. from tells people which variables the
// text came from; ok is false when a mistake was noted.
func (d *decoder) expand(p place, m mark, text string) (out, from string, ok bool) {
	var b strings.Builder
	var origins []string
	for {
		before, rest, found := strings.Cut(text, "${")
		if !found {
			b.WriteString(text)
			return b.String(), strings.Join(origins, ", "), true
		}
		if literal, escaped := strings.CutSuffix(before, "$"); escaped {
			b.WriteString(literal + "${")
			text = rest
			continue
		}
		inside, after, closed := strings.Cut(rest, "}")
		if !closed || strings.Contains(inside, "${") {
			d.mistake(m, "%s: ${ wants a } and nothing nested, as in ${NAME:-default}; $${ stands for ${ itself", p.name())
			return "", "", false
		}
		value, origin, ok := d.variable(p, m, inside)
		if d.expanded += len(value); !ok || d.expanded > maxExpanded {
			return "", "", false
		}
		b.WriteString(before + value)
		origins = append(origins, origin)
		text = after
	}
}

// variable resolves what stands between the braces.
func (d *decoder) variable(p place, m mark, inside string) (value, origin string, ok bool) {
	name, modifier := inside, ""
	if i := strings.IndexByte(inside, ':'); i >= 0 {
		name, modifier = inside[:i], inside[i:]
	}
	if !isVariable(name) || modifier != "" && !strings.HasPrefix(modifier, ":-") && !strings.HasPrefix(modifier, ":?") {
		d.mistake(m, "%s: ${%s} is no variable; write ${NAME}, ${NAME:-default} or ${NAME:?message}", p.name(), strings.Trim(quote(inside), `"`))
		return "", "", false
	}
	d.vars[p.path] = append(d.vars[p.path], name)
	if value, origin := d.env.lookup(name); value != "" {
		return value, origin, true
	}
	switch {
	case strings.HasPrefix(modifier, ":-"):
		return modifier[2:], "default of " + name, true
	case modifier != "":
		d.mistake(m, "%s is not set: %s", name, strings.Trim(quote(modifier[2:]), `"`))
		return "", "", false
	}
	d.unset[p.path] = append(d.unset[p.path], name)
	return "", name, true
}

func isVariable(name string) bool {
	for i, r := range name {
		letter := r == '_' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}
