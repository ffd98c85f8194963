package openai

import (
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// waitField is a field of an error object that states a wait.
type waitField struct {
	unit    time.Duration // of a bare number; 0 = seconds, or a moment
	counted bool          // a counter or a calendar stands behind it
}

// waitFields by their names in small letters, without what joins the words of a name.
var waitFields = map[string]waitField{
	"retryafter": {}, "retryafterseconds": {}, "retryafterms": {unit: time.Millisecond}, "retryin": {}, "retrydelay": {}, "estimatedtime": {},
	"quotaresetdelay": {}, "quotaresettimestamp": {},
	"resetsat": {counted: true}, "resetat": {counted: true}, "resettime": {counted: true}, "resetsinseconds": {counted: true},
	"resetseconds": {counted: true}, "xratelimitreset": {counted: true},
}

// longestField bounds the names that are looked at.
const longestField = 24

// fieldHint looks into the places where fields of a refusal stand: what Google lists as details, OpenRouter's objects, the error, and
// beside it. A wait is worth more than a counter's reset.
func (v *evidence) fieldHint() hint {
	var waits, resets hint
	object := v.err
	if !object.IsObject() {
		object = v.doc // the fields beside an error that is a text
	}
	eachObject(v.get(object, "details"), func(detail gjson.Result) {
		for _, place := range [...]gjson.Result{detail, v.get(detail, "metadata")} {
			v.readWaits(place, &waits, &resets)
		}
	})
	for _, place := range [...]gjson.Result{v.availability, v.meta, v.get(v.meta, "headers"), object} {
		v.readWaits(place, &waits, &resets)
	}
	if len(v.doc.Raw) != len(object.Raw) {
		v.readWaits(v.doc, &waits, &resets)
	}
	if waits.stated {
		return waits
	}
	return resets
}

// readWaits reads what an object states, unless another has stated it already.
func (v *evidence) readWaits(place gjson.Result, waits, resets *hint) {
	if !place.IsObject() {
		return
	}
	place.ForEach(func(key, value gjson.Result) bool {
		if !mayStateWait(key.Str) {
			return true
		}
		field, known := waitFields[plainName(key.Str)]
		h := waits
		if field.counted {
			h = resets
		}
		if known && !h.stated {
			h.wait, h.stated = field.parse(scalar(value), v.now)
			h.counted = h.stated && field.counted
		}
		return true
	})
}

// mayStateWait tells most other names apart by their first letter.
func mayStateWait(name string) bool {
	return name != "" && (strings.IndexByte("reqx", name[0]|0x20) >= 0 || name[0] == '_' || name[0] == '-')
}

func (f waitField) parse(s string, now time.Time) (time.Duration, bool) {
	if n, ok := parseNumber(s); ok && f.unit > 0 {
		return wait(n, f.unit)
	}
	return parseWait(s, now)
}

var joints = strings.NewReplacer("_", "", "-", "")

// plainName makes "retryafter" of retry_after, retryAfter and Retry-After; of a long name nothing.
func plainName(name string) string {
	if len(name) > longestField {
		return ""
	}
	return joints.Replace(lowerASCII(name))
}
