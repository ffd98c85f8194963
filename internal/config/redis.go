package config

import (
	"net/url"
	"path"
	"strconv"
	"strings"
)

const (
	wantsRedis = "redis wants a URL such as redis://HOST:6379/0, or rediss:// with TLS"
	mostDB     = 1 << 16 // of the databases of a Redis; it has 16 unless somebody wrote another number
)

// redisTrouble says what is wrong with the URL of a Redis, "" if nothing is. It repeats no part of it: there may be a password in any.
func redisTrouble(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return wantsRedis
	}
	db := strings.TrimPrefix(u.Path, "/")
	switch u.Scheme {
	case "unix":
		if u.Host != "" || !path.IsAbs(u.Path) || u.Path == "/" {
			return "redis wants the path of a socket behind unix://, such as unix:///run/redis/redis.sock?db=0"
		}
		query := u.Query()
		db = query.Get("db")
		query.Del("db")
		u.RawQuery = query.Encode()
	case "redis", "rediss":
		if u.Hostname() == "" {
			return wantsRedis
		}
	default:
		return wantsRedis
	}
	if n, err := strconv.Atoi(db); db != "" && (err != nil || n < 0 || n >= mostDB) {
		return "redis wants the number of a database behind the address, such as redis://HOST:6379/0"
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return "redis wants no more than an address and the number of a database, such as redis://HOST:6379/0"
	}
	return ""
}

// RedisAt is where the Redis is that replicas share, without user and password; "" if there is none.
func (c *Config) RedisAt() string {
	u, err := url.Parse(c.Redis.Reveal())
	if err != nil || c.Redis.IsZero() {
		return ""
	}
	u.User = nil
	return u.String()
}
