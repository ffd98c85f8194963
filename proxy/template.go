package proxy

import (
	"freefall/fallback"
	"freefall/internal/upstream"
)

// templates are what a provider is asked with, by key, and whether it is for embeddings, and whether it is for a stream.
type templates [][2][2]*upstream.Template

// template is all of a request but its body. They are written once for each configuration.
func (p *Provider) template(t *upstream.Transport, key int, kind fallback.Kind, stream bool) *upstream.Template {
	all := p.templates.Load()
	if all == nil {
		all = p.written(t)
		p.templates.Store(all)
	}
	return (*all)[min(key, len(p.Keys))][bit(kind == fallback.Embedding)][bit(stream)]
}

func (p *Provider) written(t *upstream.Transport) *templates {
	all := make(templates, len(p.Keys)+1) // the last one goes without
	for key := range all {
		for i, url := range [...]string{p.ChatURL, p.EmbedURL} {
			for j, accept := range [...]string{"application/json", "text/event-stream"} {
				fields := append(p.sent(key), upstream.Header{Name: "Accept", Value: accept})
				all[key][i][j] = t.Template(&upstream.Request{Method: "POST", URL: url, Header: fields, Local: p.Local})
			}
		}
	}
	return &all
}

// sent are the headers of an upstream request beside those of the transport: built from nothing, never copied from the
// client.
func (p *Provider) sent(key int) []upstream.Header {
	out := []upstream.Header{{Name: "Content-Type", Value: "application/json"}}
	if key < len(p.Keys) && p.Keys[key] != "" {
		out = append(out, upstream.Header{Name: "Authorization", Value: "Bearer " + p.Keys[key]})
	}
	return append(out, p.Headers...)
}

func bit(on bool) int {
	if on {
		return 1
	}
	return 0
}
