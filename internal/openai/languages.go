package openai

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Refusals are not all in English. Their statuses mean the same in every language; these words are for what the status leaves open.

// isForeign says whether a text has other letters than ASCII's.
func isForeign(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0
}

// foreignUnits are the names of units behind a number, the longer ones first.
var foreignUnits = []struct {
	name string
	unit time.Duration
}{
	{"秒", time.Second}, {"초", time.Second},
	{"分钟", time.Minute}, {"分鐘", time.Minute}, {"分", time.Minute}, {"분", time.Minute},
	{"小时", time.Hour}, {"小時", time.Hour}, {"時間", time.Hour}, {"시간", time.Hour},
	{"天", 24 * time.Hour}, {"日", 24 * time.Hour}, {"일", 24 * time.Hour},
}

// afterWords stand behind a wait: "30 秒后重试", "30초 후에".
var afterWords = []string{"后", "後", "之后", "以后", "钟后", "後に", "후", "뒤"}

// foreignWait reads a wait in a text that is not English: a number, a unit, and what says that it is one to wait.
func foreignWait(text string) (time.Duration, bool) {
	if !strings.ContainsAny(text, "123456789") {
		return 0, false
	}
	for clause, rest := cutClause(text); clause != ""; clause, rest = cutClause(rest) {
		for i := range tongues {
			if d, ok := tongues[i].wait(clause); ok {
				return d, true
			}
		}
	}
	if !isForeign(text) {
		return 0, false
	}
	for i := 0; i < len(text); i++ {
		if !isDigit(text[i]) {
			continue
		}
		number := numberAt(text[i:])
		n, ok := parseNumber(number)
		unit, rest := cutForeignUnit(text[i+len(number):])
		if ok && unit > 0 && hasAnyPrefix(strings.TrimLeft(rest, " "), afterWords) {
			return wait(n, unit)
		}
		i += len(number) - 1
	}
	return 0, false
}

// tongue is how a language of Europe words a wait: "in 20 Sekunden erneut versuchen".
type tongue struct {
	leads []string // right before the number
	again []string // somewhere in the same clause: else the number may be the length of a window
	units map[string]time.Duration
}

var tongues = []tongue{
	{[]string{"in ", "nach "}, []string{"erneut", "wieder", "nochmal", "noch einmal"}, map[string]time.Duration{
		"sekunde": time.Second, "sekunden": time.Second, "minute": time.Minute, "minuten": time.Minute, "stunde": time.Hour, "stunden": time.Hour}},
	{[]string{"en ", "dentro de ", "tras "}, []string{"de nuevo", "nuevamente", "otra vez", "vuelva a", "vuelve a", "reint"}, map[string]time.Duration{
		"segundo": time.Second, "segundos": time.Second, "minuto": time.Minute, "minutos": time.Minute, "hora": time.Hour, "horas": time.Hour}},
	{[]string{"em ", "dentro de ", "após ", "daqui a "}, []string{"novamente", "de novo", "outra vez"}, map[string]time.Duration{
		"segundo": time.Second, "segundos": time.Second, "minuto": time.Minute, "minutos": time.Minute, "hora": time.Hour, "horas": time.Hour}},
	{[]string{"dans ", "d'ici ", "après "}, []string{"réessay", "à nouveau", "de nouveau", "reessay"}, map[string]time.Duration{
		"s": time.Second, "seconde": time.Second, "secondes": time.Second, "minute": time.Minute, "minutes": time.Minute, "heure": time.Hour, "heures": time.Hour}},
	{[]string{"tra ", "fra ", "dopo "}, []string{"riprov", "di nuovo", "nuovamente"}, map[string]time.Duration{
		"secondo": time.Second, "secondi": time.Second, "minuto": time.Minute, "minuti": time.Minute, "ora": time.Hour, "ore": time.Hour}},
	{[]string{"через ", "Через "}, []string{"повтор", "Повтор", "снова", "ещё раз", "еще раз", "попроб", "Попроб"}, map[string]time.Duration{
		"секунду": time.Second, "секунды": time.Second, "секунд": time.Second, "минуту": time.Minute, "минуты": time.Minute, "минут": time.Minute,
		"час": time.Hour, "часа": time.Hour, "часов": time.Hour}},
}

// cutClause parts a text behind its first sign of punctuation that a blank follows.
func cutClause(text string) (clause, rest string) {
	for i := 1; i < len(text); i++ {
		if (text[i] == ' ' || text[i] == '\n') && strings.IndexByte(".,;:!?", text[i-1]) >= 0 {
			return text[:i], text[i:]
		}
	}
	return text, ""
}

// wait reads what a clause in lower case says in this language.
func (t *tongue) wait(text string) (time.Duration, bool) {
	if !containsAny(text, t.again) {
		return 0, false
	}
	for _, lead := range t.leads {
		for rest, found := text, true; found; {
			if _, rest, found = strings.Cut(rest, lead); !found {
				break
			}
			number := numberAt(rest)
			n, ok := parseNumber(number)
			word, _, _ := strings.Cut(strings.TrimPrefix(rest[len(number):], " "), " ")
			if unit := t.units[strings.TrimRight(word, ".,;!)")]; ok && unit > 0 {
				return wait(n, unit)
			}
		}
	}
	return 0, false
}

func cutForeignUnit(s string) (time.Duration, string) {
	s = strings.TrimPrefix(s, " ")
	for _, u := range foreignUnits {
		if rest, found := strings.CutPrefix(s, u.name); found {
			return u.unit, rest
		}
	}
	return 0, s
}

func hasAnyPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// foreignWindows name the window of a limit.
var foreignWindows = []windowWord{
	{"每分钟", perMinute}, {"分钟内", perMinute}, {"毎分", perMinute}, {"1分", perMinute}, {"분당", perMinute},
	{"24小时", perDay}, {"24 小时", perDay}, {"24時間", perDay}, {"24시간", perDay},
	{"每小时", perHour}, {"小时的", perHour}, {"小时内", perHour}, {"1時間", perHour}, {"毎時", perHour}, {"시간당", perHour},
	{"每日", perDay}, {"每天", perDay}, {"今日", perDay}, {"今天", perDay}, {"当日", perDay}, {"当天", perDay}, {"本日", perDay}, {"毎日", perDay}, {"1日", perDay},
	{"일일", perDay}, {"하루", perDay}, {"오늘", perDay},
	{"每周", perWeek}, {"本周", perWeek}, {"毎週", perWeek}, {"今週", perWeek}, {"주간", perWeek}, {"이번 주", perWeek},
	{"每月", perMonth}, {"本月", perMonth}, {"毎月", perMonth}, {"今月", perMonth}, {"월간", perMonth}, {"이번 달", perMonth},
	{"в минуту", perMinute}, {"в час", perHour}, {"в день", perDay}, {"в сутки", perDay}, {"дневной", perDay}, {"ежедневной", perDay}, {"суточный", perDay}, {"в неделю", perWeek}, {"в месяц", perMonth},
}
