// Package config turns models.yaml, the environment and .env into values.
//
//	c, err := config.Load(config.Options{Env: os.Environ(), Known: known})
//
// The file is strict: unknown keys, duplicates, wrong types and impossible values are mistakes, and all of them are reported
// at once, each with its line, its column and what to do (Mistakes). What the file does not say has a default, and all
// defaults stand in defaults.go. A flag beats the environment, which beats .env, which beats the file, which beats the
// default; Config.Settings tells for each value which of them it was.
//
// The package knows neither HTTP nor any provider: which providers exist, where they live and which variables hold their
// keys is told by the caller (Options.Known).
package config
