// Package fakellm is a simulated provider of language models for tests and for the demo. It speaks as OpenRouter does, or as
// plain OpenAI, and does on demand whatever providers do when they fail. The product's path never imports it.
//
// A Server is an http.Handler that answers below any prefix:
//
//	POST .../chat/completions   whole or streamed
//	POST .../embeddings         vectors that tell equal texts from others
//	GET  .../models             the list, with prices, context and supported_parameters
//	GET  .../key                the account's own counter of the day
//	     /control               scripts and counters
//
// An answer names its model and repeats the prompt. Tools are called when tool_choice demands it, or when the prompt names
// them, or says "call the tool", "both tools" or "all tools". A json_schema is satisfied, an image is acknowledged with its
// size. What a model lacks, it refuses in the provider's recorded words, which stand in testdata/errors.json.
//
// In a test:
//
//	up := fakellm.New(fakellm.Options{Models: []fakellm.Model{{ID: "a:free"}, {ID: "b:free"}}})
//	up.Script("a:free", fakellm.Fault(503).Repeat(3), fakellm.Cut(2, fakellm.Close))
//	...
//	up.Hits("a:free")  // 4
//	up.Paid()          // 0, whatever happens
//
// The order of a request: key, known model, abilities, then its model's script, then the script "*", then the standing
// limits, then the weather, then a good answer. Scripted requests do not draw from standing limits. Time is time.Now, so
// that a Server made within a synctest bubble lives in its time.
//
// # Control
//
// POST /control takes an Order. This one forgets all, lets deepseek fail three times with 503 and then cut a stream after
// four events, and all others answer well whatever the standing limits say:
//
//	{"reset": true, "script": {
//	    "deepseek/deepseek-chat-v3-0324:free": [{"kind": "fault", "status": 503, "times": 3},
//	                                            {"kind": "cut", "after": 4, "how": "close"}],
//	    "*": [{"kind": "ok", "always": true}]}}
//
// "limits" replaces the standing limits: {"limits": [{"scope": "account", "requests": 20, "per": "10s"}]}. Each step has a
// kind and is played once, "times" times, for "for" from its first use, or "always":
//
//	ok        a good answer; text, reasoning, chunks, calls, cost change it
//	slow      a good answer after head, first and gap; comments come within first
//	tools     tool calls: calls, or each tool of the request
//	json      JSON text by the schema of the request
//	gzip      compressed without being asked
//	huge      one content event of so many bytes
//	interim   count heads of a 1xx status before a good answer
//	empty     a completion without a word
//	sample    a recorded answer by its id, byte for byte
//	raw       status, headers, body (or body_base64), cut at packets with gap between
//	wire      body (or body_base64) straight on the socket
//	limit     {"scope": account|model|upstream, "requests": n, "per": "10s", "fixed": true, "says": platform|upstream|plain,
//	          "hint": true}; in force always unless times or for end it
//	fault     a status, headers
//	error200  an error object under status 200
//	cut       after so many data events, how: close, reset, stall, garble, broken_line, end, error, error_bare,
//	          error_empty, error_choice, error_named
//	hang      how: head, silence, comments_only
//	redirect  status, location
//
// GET /control shows a State, DELETE /control resets. Control does the same from Go.
package fakellm
