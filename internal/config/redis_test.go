package config

import (
	"strings"
	"testing"
)

func TestRedisURL(t *testing.T) {
	for text, want := range map[string]string{
		"redis://r":                                     "redis://r",
		"redis://r:6380/":                               "redis://r:6380/",
		"redis://ana:pa55word@r:6379/2":                 "redis://r:6379/2",
		"rediss://:pa55word@[::1]:6379/0":               "rediss://[::1]:6379/0",
		"unix:///run/redis.sock":                        "unix:///run/redis.sock",
		"unix://ana:pa55word@/run/redis.sock?db=3":      "unix:///run/redis.sock?db=3",
		"localhost:6379":                                "",
		"http://r:6379":                                 "",
		"redis://:pa55word@/0":                          "",
		"redis://:pa55word@r:x/0":                       "",
		"redis://:pa55word@r:6379/prod":                 "",
		"redis://:pa55word@r:6379/-1":                   "",
		"redis://:pa55word@r:6379/0/1":                  "",
		"redis://r:6379/0?password=pa55word":            "",
		"redis://r:6379/0#pa55word":                     "",
		"unix://pa55word":                               "",
		"unix:///":                                      "",
		"unix:///run/redis.sock?db=x":                   "",
		"unix:///run/redis.sock?db=1&password=pa55word": "",
		"redis://:pa%zzword@r":                          "",
	} {
		c, err := read([]byte("redis: \"" + text + "\"\nmodels: [{id: a/b:free}]\n"))
		if want == "" {
			if err == nil || !strings.Contains(err.Error(), "models.yaml:1:8: redis wants ") || strings.Contains(err.Error(), "pa55word") {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := c.RedisAt(); got != want {
			t.Errorf("%s is told as %s", text, got)
		}
		for _, s := range c.Settings() {
			if strings.Contains(s.Value, "pa55") {
				t.Errorf("%s is shown as %s", text, s.Value)
			}
		}
	}
	if at := mustRead(t, "models: [{id: a/b:free}]\n").RedisAt(); at != "" {
		t.Errorf("without one it is at %s", at)
	}
}
