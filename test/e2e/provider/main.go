// Command provider runs the simulated provider for the end-to-end suites: provider ADDR.
// GET /requests lists what has arrived, bodies included.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"

	"freefall/internal/fakellm"
)

func main() {
	server := fakellm.New(fakellm.Options{})
	mux := http.NewServeMux()
	mux.Handle("/", server)
	mux.HandleFunc("GET /requests", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(server.Requests())
	})
	log.Fatal(http.ListenAndServe(os.Args[1], mux))
}
