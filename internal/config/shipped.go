package config

import _ "embed"

// shipped is the models.yaml of the repository, for a start without any file. A test holds the two equal.
//
//go:embed models.yaml
var shipped []byte

// Schema is the JSON Schema of models.yaml, for editors.
//
//go:embed schema.json
var Schema []byte
