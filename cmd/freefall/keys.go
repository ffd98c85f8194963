package main

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"freefall/fallback"
	"freefall/internal/config"
)

// poolKey is a key as the pool knows it: without the credential.
func poolKey(p *config.Provider, k config.ProviderKey, limits []fallback.Window) fallback.Key {
	return fallback.Key{Account: k.Account, Limits: limits, Fingerprint: fingerprint(p.BaseURL, k.Key), Own: strings.Contains(k.Account, "/#")}
}

// fingerprint tells a key of a server from its others: 32 bits of a hash, from which nobody gets the key.
func fingerprint(baseURL string, key config.Secret) string {
	sum := sha256.Sum256([]byte("freefall key\x00" + baseURL + "\x00" + key.Reveal()))
	return hex.EncodeToString(sum[:4])
}
