package fakellm

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
)

func TestResetIsAResetOnARealSocket(t *testing.T) {
	for _, tt := range []struct {
		how  How
		want error
	}{{Reset, syscall.ECONNRESET}, {Close, io.ErrUnexpectedEOF}} {
		s := New(plain)
		s.Script("m", Cut(2, tt.how))
		web := httptest.NewServer(s)
		r, err := http.NewRequest("POST", web.URL+"/v1/chat/completions", strings.NewReader(hi("m", true)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer sk")
		answer, err := web.Client().Do(r)
		if err == nil {
			_, err = io.ReadAll(answer.Body)
			_ = answer.Body.Close()
		}
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.how, err)
		}
		web.Close()
	}
}
