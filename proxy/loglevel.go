package proxy

import (
	"encoding/json"

	"github.com/valyala/fasthttp"

	"freefall/internal/openai"
)

// setLogLevel answers POST /api/log/level: {"level": "debug"}. It holds until the configuration names another one, or a restart.
func (p *Proxy) setLogLevel(ctx *fasthttp.RequestCtx, s *Settings, who caller) {
	if e := s.mayChange(ctx, who); e != nil {
		lingerIfLarge(ctx)
		refuse(ctx, e)
		return
	}
	body, e := p.smallBody(ctx, s)
	if e != nil {
		refuse(ctx, e)
		return
	}
	var wish struct {
		Level string `json:"level"`
	}
	if json.Unmarshal(body, &wish) != nil || p.logLevel == nil || p.logLevel(wish.Level) != nil {
		refuse(ctx, &openai.Error{Status: 400, Type: "invalid_request_error", Param: "level", Code: "bad_request",
			Message: `send {"level": "debug"}; the levels are debug, info, warn and error`})
		return
	}
	p.log.Info().Str("remote", ctx.RemoteAddr().String()).Msg("The log level is now " + wish.Level)
	writeJSON(ctx, fasthttp.StatusOK, wish)
}
