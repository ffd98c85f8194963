// Package browser drives the dashboard in Chromium, before the program as it is built.
package browser
