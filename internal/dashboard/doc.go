// Package dashboard holds the page at `/`: which model answers now and why not the first one, what is left until when, and who
// spent it. It is a handful of static files, plain ES modules and CSS, embedded as they are written: nothing is built, nothing
// comes from elsewhere.
//
// The page asks freefall itself for everything it shows:
//
//	GET  /api/chat/models             the state: once, and whenever events are not to be had
//	GET  /api/events                  the state and each request as they change
//	GET  /api/chat/requests           the last requests
//	GET  /api/chat/history            what came of attempts, by hour
//	GET  /api/chat/session            who is looking, and whether there is a login
//	POST /api/chat/explain            what a request would meet
//	POST /v1/chat/completions         try it
//	POST /api/chat/models/{id}/...    pause, resume, reset
//
// static/ holds one module for each part of the page. state.js is what is known, live.js how it comes in, page.js the loop that
// draws at most ten times a second; a part is a function that is given the state and changes the nodes it made. Texts of providers,
// models and clients enter the page as text nodes, never as markup, and the Content-Security-Policy allows no inline code that they could smuggle.
// text.js has all words, in English and Korean. A word that is missing in one of them fails a test.
package dashboard
