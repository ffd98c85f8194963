package main

import (
	"fmt"
	"os"
	"time"
)

func (f *freefall) debug() {
	if os.Getenv("DBG") == "" {
		return
	}
	for h := 1; h < 24; h++ {
		f.day.at(time.Duration(h)*time.Hour, func() {
			for _, s := range f.pool.Snapshot(f.time()) {
				if s.Model.Provider == "cerebras" || s.Model.Provider == "ollama" {
					fmt.Println(h, s.Model.ID, s.Reason, s.Available, s.FailureCount, s.SuccessRate, s.Quota, "waiting", f.pool.Waiting())
				}
			}
		})
	}
}
