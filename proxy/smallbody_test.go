package proxy

import (
	"strings"
	"testing"
	"testing/iotest"

	"github.com/valyala/fasthttp"

	"freefall/fallback"
)

// The key of a login is not read from a buffer that the body of another request is coming into.
func TestASmallBodyIsNobodyElses(t *testing.T) {
	p := New(Config{Pool: fallback.New(fallback.Config{})})
	const sent = `{"key":"the admin key"}`
	var ctx fasthttp.RequestCtx
	ctx.Request.SetBodyStream(iotest.DataErrReader(strings.NewReader(sent)), len(sent))
	body, e := p.smallBody(&ctx, p.settings.Load())
	if e != nil {
		t.Fatal(e.Message)
	}
	other := &exchange{}
	copy(other.borrow(smallBody)[:smallBody], strings.Repeat("x", smallBody))
	if string(body) != sent {
		t.Errorf("the body became %q", body)
	}
}
