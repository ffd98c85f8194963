package openai

import (
	"strings"
	"testing"
	"time"

	"freefall/fallback"
)

// Waits as providers write them into texts, seen from noon of 2026-11-22; "-" is none.
func TestWaitsInTexts(t *testing.T) {
	for text, want := range map[string]string{
		"Please try again in 1 minute and 5 seconds.":                   "1m5s",
		"Please try again in 1h2m3.5s":                                  "1h2m3.5s",
		"Please try again in 35 mins.":                                  "35m0s",
		"Try again in ~7670 min.":                                       "127h50m0s",
		"Please wait an hour before trying again.":                      "1h0m0s",
		"Try again in a minute":                                         "1m0s",
		"Wait a moment and try again":                                   "-",
		"Wait a bit":                                                    "-",
		"Please wait a second and try again":                            "-",
		"Quota will be replenished in 01:12:43.":                        "1h12m43s",
		"Quota will be replenished in 01:99:43.":                        "-",
		"Resets at 14:30:00 UTC":                                        "2h30m0s",
		"Your quota resets at 00:00 UTC.":                               "12h0m0s",
		"resets at 11:00 utc":                                           "23h0m0s",
		"resets at 14:30":                                               "-",
		"Retry after 2026-11-22T12:00:30Z":                              "30s",
		"try again after 2026-11-23 00:00:00 UTC":                       "12h0m0s",
		"reset at 1795348830":                                           "30s",
		"Try again at Nov 23rd, 2026 1:00 PM.":                          "25h0m0s",
		"You will regain access on December 1, 2026.":                   "204h0m0s",
		"You will regain access on December 99, 2026.":                  "-",
		"until Nov 1, 2026":                                             "-",
		"您的限额将在 2026-11-22 12:00:40 重置。":                                "40s",
		"请求过于频繁，请 30 秒后重试":                                              "30s",
		"请在5分钟后重试":                                                      "5m0s",
		"您已达上限，2小时后恢复":                                                  "2h0m0s",
		"요청이 너무 많습니다. 45초 후에 다시 시도하세요":                                  "45s",
		"요청 한도를 초과했습니다. 3분 후 다시 시도해 주세요.":                               "3m0s",
		"リクエストが多すぎます。20秒後に再試行してください":                                    "20s",
		"每分钟最多 20 次":                                                    "-",
		"Anfragelimit erreicht, bitte in 20 Sekunden erneut versuchen":  "20s",
		"Zu viele Anfragen. Versuchen Sie es in 2 Minuten wieder.":      "2m0s",
		"Limit von 30 Anfragen in 60 Sekunden überschritten":            "-",
		"Demasiadas solicitudes. Inténtelo de nuevo en 45 segundos":     "45s",
		"Límite alcanzado. Vuelva a intentarlo dentro de 1 hora.":       "1h0m0s",
		"Muitas solicitações. Tente novamente em 15 segundos.":          "15s",
		"Trop de requêtes, veuillez réessayer dans 90 secondes.":        "1m30s",
		"Limite de 5 requêtes par minute dépassée, réessayez dans 12 s": "12s",
		"Troppe richieste, riprova tra 3 minuti":                        "3m0s",
		"Слишком много запросов. Повторите попытку через 25 секунд.":             "25s",
		"Limit erreicht, in 5 Versuchen und in 7 Sekunden erneut, in 9 Sekunden": "7s",
		"99999999999999999999秒后":                                               "-",
		"Wait 5 turns":                                                         "-",
		"Rejected: \"try again in 5 days\"":                                    "-",
		"try again in " + strings.Repeat("9", 4000) + "s":                      "-",
		"try again in 10s " + strings.Repeat("try again in ", 300) + "99d ago": "10s",
	} {
		o := Classify(nil, 429, nil, []byte(msg(text)), noon)
		got := "-"
		if o.Stated {
			got = o.RetryAfter.String()
		}
		if got != want {
			t.Errorf("%.60s: %s, want %s", text, got, want)
		}
	}
}

// Fields and headers that state a wait, by their documented names.
func TestWaitsInFields(t *testing.T) {
	for _, tt := range []struct {
		header, value, body string
		want                time.Duration
		counted             bool
	}{
		{body: `{"error":{"message":"slow","retry_after_ms":1500}}`, want: 1500 * time.Millisecond},
		{body: `{"error":{"message":"slow","retryAfterMs":"250"}}`, want: 250 * time.Millisecond},
		{body: `{"error":{"message":"slow","retryAfter":"12s"}}`, want: 12 * time.Second},
		{body: `{"error":{"message":"slow"},"retry_after":9}`, want: 9 * time.Second},
		{body: `{"error":"slow","retry_after":9}`, want: 9 * time.Second},
		{body: `{"error":"slow","estimated_time":20.5}`, want: 20500 * time.Millisecond},
		{body: `{"error":{"message":"slow","resets_in_seconds":40}}`, want: 40 * time.Second, counted: true},
		{body: `{"error":{"message":"slow","reset_time":"1h0m5s"}}`, want: time.Hour + 5*time.Second, counted: true},
		{body: `{"error":{"message":"slow","resetTime":"2026-11-22T12:00:07Z"}}`, want: 7 * time.Second, counted: true},
		{body: `{"error":{"message":"slow","reset_at":1795348830}}`, want: 30 * time.Second, counted: true},
		{body: `{"error":{"message":"slow","reset_at":1795348830000}}`, want: 30 * time.Second, counted: true},
		{body: `{"error":{"message":"slow","reset_at":1795348830000000}}`, want: 30 * time.Second, counted: true},
		{body: `{"error":{"message":"slow","reset_at":1795348830000000000}}`, want: 30 * time.Second, counted: true},
		{body: `{"error":{"message":"slow","reset_at":"17953488300000000000000"}}`},
		{body: `{"error":{"message":"slow","details":[{"metadata":{"quotaResetDelay":"45s"}}]}}`, want: 45 * time.Second},
		{body: `{"error":{"message":"slow","details":[{"metadata":{"quotaResetTimeStamp":"2026-11-22T12:00:45Z"}}]}}`, want: 45 * time.Second},
		{header: "x-ratelimit-reset-after", value: "2.5", want: 2500 * time.Millisecond, counted: true},
		{header: "ratelimit", value: `"default";r=0;t=55`, want: 55 * time.Second, counted: true},
		{header: "ratelimit", value: `"default";r=3;t=55`},
		{header: "ratelimit", value: `limit=100, remaining=0, reset=30`, want: 30 * time.Second, counted: true},
		{header: "ratelimitbysize-reset", value: "12"},
		{header: "anthropic-ratelimit-unified-reset", value: "1795348830", want: 30 * time.Second, counted: true},
		{header: "msh-cooldown-seconds", value: "5", want: 5 * time.Second, counted: true},
		{header: "x-ai-ratelimit-retry-after", value: "42", want: 42 * time.Second, counted: true},
	} {
		o := Classify(nil, 429, func(name string) string {
			if name == tt.header {
				return tt.value
			}
			return ""
		}, []byte(tt.body), noon)
		if o.RetryAfter != tt.want || o.Stated != (tt.want > 0) || (o.Until == fallback.UntilResetAt) != tt.counted {
			t.Errorf("%s%s %s: %s until %s, want %s, counted %v", tt.header, tt.value, tt.body, o.RetryAfter, o.Until, tt.want, tt.counted)
		}
	}
}

// A long window that the head says is spent is one, although nobody tells its end; one of a minute says no more than the status.
func TestSpentWindowsInHeads(t *testing.T) {
	for _, tt := range []struct{ dialect, header, want string }{
		{"mistral", "x-ratelimitbysize-remaining-month", "quota_exhausted key-month next key month_end -"},
		{"cerebras", "x-ratelimit-remaining-requests-day", "rate_limited key-day next key+model utc_midnight -"},
		{"groq", "x-ratelimit-remaining-requests", "rate_limited key-day next key+model utc_midnight -"},
		{"openai", "x-ratelimit-remaining-requests", "rate_limited key-minute next key+model backoff -"},
		{"cohere", "x-trial-endpoint-call-remaining", "rate_limited key-minute next key backoff -"},
	} {
		o := Classify(DialectOf(tt.dialect), 429, func(name string) string {
			if name == tt.header {
				return "0"
			}
			return ""
		}, []byte(msg("Too many requests")), noon)
		if got := brief(o); got != tt.want {
			t.Errorf("%s %s: %s, want %s", tt.dialect, tt.header, got, tt.want)
		}
	}
	head := map[string]string{"x-trial-endpoint-call-limit": "20", "x-trial-endpoint-call-remaining": "19",
		"x-ratelimitbysize-limit-minute": "500000", "x-ratelimitbysize-remaining-minute": "499000"}
	want := "account tokens/1m0s 499000 of 500000; account requests/1m0s 19 of 20"
	if got := told(Readings(DialectOf("cohere"), 200, func(name string) string { return head[name] }, noon)); got != want {
		t.Errorf("the head says %s, want %s", got, want)
	}
}

// The length of a window is no wait, although another clause speaks of trying again.
func TestWindowsAreNoWaits(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"Limit von 9 Anfragen in 24 Stunden erreicht. Bitte versuchen Sie es später erneut.": 0,
		"Limite de 9 requisições em 24 horas excedido: tente novamente mais tarde":           0,
		"Límite de 9 solicitudes en 24 horas superado, inténtelo de nuevo en 20 segundos":    20 * time.Second,
	} {
		if o := Classify(nil, 429, nil, []byte(msg(text)), noon); o.RetryAfter != want || o.Stated != (want > 0) {
			t.Errorf("%s: %v", text, o.RetryAfter)
		}
	}
}

// A day that only another language names is a day all the same.
func TestWindowsInOtherLanguages(t *testing.T) {
	for text, want := range map[string]window{
		"今日调用次数已达上限": perDay, "已达到每日请求限额": perDay, "每分钟请求数超限": perMinute, "本月额度已用完": perMonth, "本周使用上限": perWeek,
		"일일 요청 한도를 초과했습니다": perDay, "분당 요청 한도를 초과했습니다": perMinute, "오늘의 사용량을 모두 사용했습니다": perDay, "이번 달 한도": perMonth,
		"1日のリクエスト上限に達しました": perDay, "本日の上限です": perDay, "1分あたりの上限": perMinute, "今月の利用枠": perMonth,
		"Limite de 50 requêtes par jour atteinte": perDay, "Quota quotidien dépassé": perDay, "limite par minute": perMinute, "quota mensuel épuisé": perMonth,
		"Tageslimit erreicht": perDay, "Das tägliche Kontingent ist aufgebraucht": perDay, "20 Anfragen pro Minute": perMinute, "pro Monat": perMonth,
		"Límite de solicitudes diario alcanzado": perDay, "20 solicitudes por minuto": perMinute, "Cota diária esgotada": perDay, "limite giornaliero raggiunto": perDay,
		"Превышен суточный лимит": perDay, "20 запросов в минуту": perMinute, "cuota mensual agotada": perMonth,
		"Too many requests": unnamed, "请求过多，请稍后再试": unnamed,
		"Слишком много запросов. Лимиты провайдеров часто меняются": unnamed, "Слишком много запросов, в частности от вас": unnamed,
		"исчерпан лимит ежедневной квоты": perDay, "100 запросов в час.": perHour,
	} {
		if got := heard(text).window(); got != want {
			t.Errorf("%s: window %d, want %d", text, got, want)
		}
	}
}

// Money, contents, lengths and absent models in other languages, where the status leaves them open.
func TestRefusalsInOtherLanguages(t *testing.T) {
	for _, tt := range []struct {
		status int
		text   string
		want   string
	}{
		{400, "输入内容包含敏感信息", "content_policy free"},
		{400, "模型不存在", "model_gone next"},
		{400, "输入超过模型的最大长度限制", "context_length free"},
		{400, "コンテキスト長を超えています", "context_length free"},
		{400, "컨텍스트 길이를 초과했습니다", "context_length free"},
		{400, "모델을 찾을 수 없습니다", "model_gone next"},
		{400, "La longueur de contexte est dépassée", "context_length free"},
		{400, "账户余额不足", "payment_required next"},
		{403, "账户欠费", "payment_required next"},
		{403, "잔액이 부족합니다", "payment_required next"},
		{403, "残高が不足しています", "payment_required next"},
		{403, "Votre solde insuffisant ne permet pas cet appel", "payment_required next"},
		{403, "Ihr Guthaben ist aufgebraucht", "payment_required next"},
		{429, "服务器繁忙，请稍后再试", "overloaded next"},
		{429, "서버 과부하", "overloaded next"},
		{429, "サーバーが混雑しています", "overloaded next"},
	} {
		o := Classify(nil, tt.status, nil, []byte(msg(tt.text)), noon)
		if got := strings.Join(strings.Fields(brief(o))[:1], "") + " " + strings.Fields(brief(o))[2]; got != tt.want {
			t.Errorf("%d %s: %s, want %s", tt.status, tt.text, got, tt.want)
		}
	}
}

// A dictionary as Python prints it is read like the JSON that it was; whatever else is in it costs nothing.
func TestNestedRepr(t *testing.T) {
	for text, want := range map[string]string{
		`Error code: 429 - {'error': {'message': "You've hit it", 'code': None, 'ok': True}}`: `{"error": {"message": "You've hit it", "code": null, "ok": true}}`,
		`{'message': 'It\'s "quoted" \\ here\n'}`:                                             `{"message": "It's \"quoted\" \\ here\n"}`,
		`{'a': '\x41'}`:                       "",
		`{'a': }`:                             "",
		`{'a': 'b'`:                           "",
		`{"a": 1}`:                            "",
		strings.Repeat("x", 300) + `{'a': 1}`: "",
		`{'a': ` + strings.Repeat(`{'a': `, 2000) + `}`:    "",
		`{'a': '` + strings.Repeat("b", maxText) + `'}`:    "",
		`{'a': ` + strings.Repeat(`[`, 3000) + `'b'` + `}`: "",
	} {
		doc, ok := nestedRepr(text)
		if doc.Raw != want || ok != (want != "") {
			t.Errorf("%.80s: %s %v, want %s", text, doc.Raw, ok, want)
		}
	}
}

// heard is a voice that has said this.
func heard(text string) *voice {
	w := &voice{text: text}
	w.finish()
	return w
}

// No field that states a wait is passed over by its first letter.
func TestFieldsAreKnownByTheirFirstLetter(t *testing.T) {
	for plain := range waitFields {
		for _, name := range []string{plain, strings.ToUpper(plain), "_" + plain, "-" + plain} {
			if plainName(name) == plain && !mayStateWait(name) {
				t.Errorf("%s is passed over", name)
			}
		}
	}
}
