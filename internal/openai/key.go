package openai

import (
	"time"

	"github.com/tidwall/gjson"

	"freefall/fallback"
)

// maxKey bounds an answer about a key that is read.
const maxKey = 64 << 10

// KeyReadings reads what an answer at Dialect.KeyPath says of the account: OpenRouter's counter of the day. A body that does
// not say it gives none.
func KeyReadings(body []byte, now time.Time) []fallback.Reading {
	if len(body) > maxKey || !validShallow(body) {
		return nil
	}
	day := gjson.GetBytes(body, "data.free_model_daily_requests")
	limit, used, remaining := wholeNumber(day.Get("limit")), wholeNumber(day.Get("used")), wholeNumber(day.Get("remaining"))
	if used >= 0 {
		left := max(0, limit-used) // more than the limit was seen
		if remaining < 0 || left < remaining {
			remaining = left
		}
	}
	if !day.IsObject() || limit <= 0 || remaining < 0 || remaining > limit {
		return nil
	}
	return []fallback.Reading{{Target: fallback.TargetAccount, Unit: fallback.Requests, Per: 24 * time.Hour, Limit: limit, Remaining: remaining,
		Reset: fallback.UntilUTCMidnight.Wait(now)}}
}

// wholeNumber reads a JSON number as an amount; -1 = it is none.
func wholeNumber(r gjson.Result) int64 {
	if r.Type != gjson.Number {
		return -1
	}
	return parseAmount(r.Raw)
}
