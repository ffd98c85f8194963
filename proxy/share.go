package proxy

import (
	"fmt"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"freefall/fallback"
	"freefall/internal/openai"
)

// codeShare says that the client itself has had its share: another one may still be answered.
const codeShare = "client_limit_exceeded"

// admit draws the request from its client's share. When that is spent no provider is asked.
func (x *exchange) admit() *openai.Error {
	now := time.Now()
	denial, ok := x.draw(now)
	if ok {
		return nil
	}
	x.denied = true
	message := fmt.Sprintf("your share is %s (%s), and never has room", grants(0, denial.Window), x.who.client())
	if denial.Limit > 0 {
		x.retry = max(time.Second, denial.Ready.Sub(now))
		message = fmt.Sprintf("your share is spent: %s (%s); free again in %s", grants(denial.Limit, denial.Window), x.who.client(), span(x.retry))
	}
	return &openai.Error{Status: 429, Type: "rate_limit_error", Code: codeShare, Message: message}
}

// discharge ends what admit drew. A request counts when it was answered, and when it was the client's own doing that it was
// not: a client that leaves, or asks what is refused, has spent a provider's quota all the same.
func (x *exchange) discharge(now time.Time, status int, o *fallback.Outcome) {
	tokens := 0
	if o != nil {
		tokens = o.InputTokens + o.OutputTokens
	}
	theirs := status < 500 && status != fasthttp.StatusTooManyRequests && x.walk.Attempts() > 0
	x.proxy.pool.Discharge(now, x.walk, o != nil || theirs, tokens)
	if x.proxy.shared != nil {
		x.proxy.shared.Settle(x.walk.Drawn())
	}
}

// grants says what a window grants: "5 requests a minute".
func grants(limit int64, window string) string {
	switch window {
	case "rpm":
		return counted(limit, "request") + " a minute"
	case "rpd":
		return counted(limit, "request") + " a day"
	case "tpm":
		return counted(limit, "token") + " a minute"
	case "tpd":
		return counted(limit, "token") + " a day"
	case "concurrency":
		return counted(limit, "request") + " at a time"
	}
	unit, per, _ := strings.Cut(window, "/")
	return counted(limit, strings.TrimSuffix(unit, "s")) + " in " + per
}

func counted(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
