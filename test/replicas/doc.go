// Package replicas runs several freefalls before one provider and a real Redis: make replicas.
package replicas
