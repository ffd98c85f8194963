package config

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// scalar decodes one word or number.
func (d *decoder) scalar(p place, n *yaml.Node, v reflect.Value) {
	if tag := n.ShortTag(); v.Kind() == reflect.String && tag != "!!str" {
		d.mistake(d.at(n), "%s wants text: put %s in quotes", p.name(), quote(n.Value))
		return
	}
	text, from, ok := d.expand(p, d.at(n), n.Value)
	m := d.at(n)
	m.from = from
	d.marks[p.path] = m
	if empty := text == "" && from != ""; ok && !(empty && v.Kind() != reflect.String) {
		d.text(p, m, text, v)
	}
}

// text sets a value from its text.
func (d *decoder) text(p place, m mark, text string, v reflect.Value) {
	if err := setText(p, v, text); err != nil {
		_, secret := reflect.TypeAssert[Secret](v)
		if _, key := reflect.TypeAssert[ProviderKey](v); key || secret {
			d.mistake(m, "%s %v", p.name(), err)
			return
		}
		d.mistake(m, "%s %v, not %s", p.name(), err, m.show(text))
	}
}

// show quotes a value, or names the variable that it came from: a variable may hold what nobody should read. A flag was typed just
// now.
func (m mark) show(text string) string {
	if m.from != "" && !strings.HasPrefix(m.from, "flag ") {
		return "what stands in " + m.from
	}
	return quote(text)
}

func setText(p place, v reflect.Value, text string) error {
	if u, ok := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr()); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch v.Interface().(type) {
	case time.Duration:
		return setDuration(p, v, text)
	}
	switch v.Kind() {
	case reflect.Bool:
		if text != "true" && text != "false" {
			return errors.New("wants true or false")
		}
		v.SetBool(text == "true")
	case reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return errors.New("wants a whole number, 0 or more")
		}
		v.SetInt(n)
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || f < 0 || math.IsInf(f, 0) || math.IsNaN(f) {
			return errors.New("wants a number, 0 or more")
		}
		v.SetFloat(f)
	default:
		return setString(p, v, text)
	}
	return nil
}

func setDuration(p place, v reflect.Value, text string) error {
	zero := p.allowed("zero")
	if zero && text == "off" {
		text = "0s"
	}
	d, ok := parseDuration(text)
	if !ok || d == 0 && !zero {
		if zero {
			return errors.New("wants a duration such as 30s, or off")
		}
		return errors.New("wants a duration above 0 such as 30s or 2m")
	}
	v.SetInt(int64(d))
	return nil
}

func setString(p place, v reflect.Value, text string) error {
	if enum := p.tag.Get("enum"); enum != "" {
		if words := strings.Split(enum, ","); !slices.Contains(words, text) {
			return fmt.Errorf("wants %s", orList(words))
		}
	}
	v.SetString(text)
	return nil
}

// orList joins words for people: "a, b or c".
func orList(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
