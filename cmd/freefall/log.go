package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

const (
	logSilence = 45 * time.Second // without a word, three heartbeats long, the stream is dead
	logAgain   = time.Second      // between two tries to reach a freefall that is away
	logSeen    = 3000             // requests that are remembered, so that none is shown twice
)

func logCommand() *cobra.Command {
	var at reach
	var follow bool
	var wish logWish
	cmd := &cobra.Command{
		Use:   "log",
		Short: "Show the last requests of a running freefall, and what became of them",
		Example: `  freefall log                          the last 20 requests, newest last
  freefall log --failed --limit 100     those that failed, which are kept longer
  freefall log --follow                 and each further one, until Ctrl-C
  freefall log --model deepseek/deepseek-chat-v3-0324:free --url http://127.0.0.1:8000`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if wish.limit < 1 || wish.limit > 1000 {
				return exitError{2, fmt.Errorf("--limit takes 1 to 1000 requests")}
			}
			c, err := at.caller()
			if err != nil {
				return err
			}
			ctx, stop := signals()
			defer stop()
			l := &logReader{caller: c, wish: wish, out: cmd.OutOrStdout(), notes: cmd.ErrOrStderr(), place: time.Local}
			defer l.close()
			if follow {
				return l.follow(ctx)
			}
			return l.list(ctx)
		},
	}
	at.flags(cmd)
	flags := cmd.Flags()
	flags.BoolVarP(&follow, "follow", "f", false, "show further requests as they end")
	flags.BoolVar(&wish.failed, "failed", false, "only requests that failed")
	flags.StringVar(&wish.model, "model", "", "only requests that named, or were sent to, this model")
	flags.IntVar(&wish.limit, "limit", 20, "how many of the last requests")
	return cmd
}

// logWish is which requests are shown.
type logWish struct {
	failed bool
	model  string
	limit  int
}

// loggedRequest is what is shown of a request in the journal or an event.
type loggedRequest struct {
	ID       string          `json:"id"`
	Time     time.Time       `json:"time"`
	Client   string          `json:"client"`
	Asked    string          `json:"asked"`
	Model    string          `json:"model"`
	Status   int             `json:"status"`
	Outcome  string          `json:"outcome"`
	Error    string          `json:"error"`
	Waited   int64           `json:"waited_ms"`
	Took     int64           `json:"took_ms"`
	TTFT     *int64          `json:"ttft_ms"`
	Trail    string          `json:"trail"`
	Attempts []loggedAttempt `json:"attempts"`
	Skipped  int             `json:"skipped"`
}

type loggedAttempt struct {
	Model   string `json:"model"`
	Started int64  `json:"started_ms"`
	TTFT    int64  `json:"ttft_ms"`
}

// matches says whether an event is one of those that are wanted; the journal has chosen by itself.
func (w *logWish) matches(r *loggedRequest) bool {
	if w.failed && r.Status < 400 && r.Outcome == "ok" {
		return false
	}
	return w.model == "" || w.model == r.Asked || w.model == r.Model ||
		slices.ContainsFunc(r.Attempts, func(a loggedAttempt) bool { return a.Model == w.model })
}

// logReader shows requests as rows of one table, however they come.
type logReader struct {
	*caller
	wish       logWish
	out, notes io.Writer
	place      *time.Location

	widths []int
	seen   []string // the last ones, oldest first
}

// list shows the last requests.
func (l *logReader) list(ctx context.Context) error {
	rows, err := l.last(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return exitError{1, err}
	}
	l.show(rows)
	return nil
}

// last are the last requests, oldest first.
func (l *logReader) last(ctx context.Context) ([]loggedRequest, error) {
	query := url.Values{"limit": {strconv.Itoa(l.wish.limit)}}
	if l.wish.failed {
		query.Set("failed", "1")
	}
	if l.wish.model != "" {
		query.Set("model", l.wish.model)
	}
	var page struct {
		Requests []loggedRequest `json:"requests"`
	}
	if err := l.get(ctx, http.MethodGet, "/api/chat/requests?"+query.Encode(), nil, &page); err != nil {
		return nil, err
	}
	slices.Reverse(page.Requests)
	return page.Requests, nil
}

// follow shows the last requests and those to come, until the context ends. Once it was seen, a freefall that is away may be about to
// come back; what is missed meanwhile is read from its journal.
func (l *logReader) follow(ctx context.Context) error {
	for seen := false; ; {
		err := l.watch(ctx, func() { seen = true })
		switch {
		case ctx.Err() != nil:
			return nil
		case !seen:
			return exitError{1, err}
		}
		fmt.Fprintf(l.notes, "%s; trying again\n", printable(err.Error()))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(logAgain):
		}
	}
}

// watch follows one stream of events to its end. The stream is open before the journal is read, so that nothing is lost in between.
func (l *logReader) watch(ctx context.Context, begun func()) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	silence := time.AfterFunc(logSilence, stop)
	defer silence.Stop()
	resp, err := l.do(ctx, http.MethodGet, "/api/events", nil)
	if err != nil {
		return away(l.url, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s/api/events answers %s", l.url, resp.Status)
	}
	rows, err := l.last(ctx)
	if err != nil {
		return err
	}
	begun()
	l.show(rows)
	lines, event := bufio.NewReader(resp.Body), ""
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return fmt.Errorf("the events of %s ended", l.url)
		}
		silence.Reset(logSilence)
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			event = strings.TrimSpace(name)
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok && event == "request" {
			l.take(data)
		}
	}
}

// take shows the request of an event.
func (l *logReader) take(data string) {
	var r loggedRequest
	if json.Unmarshal([]byte(data), &r) != nil {
		return
	}
	if r.Skipped > 0 {
		fmt.Fprintf(l.notes, "(%s more are in the journal)\n", count(r.Skipped, "request"))
	}
	if l.wish.matches(&r) {
		l.show([]loggedRequest{r})
	}
}

// show writes rows that were not written yet, below a head when they are the first.
func (l *logReader) show(requests []loggedRequest) {
	var table [][]string
	if l.widths == nil {
		table = append(table, []string{"TIME", "STATUS", "TOOK", "FIRST", "CLIENT", "MODEL", "TRAIL"})
	}
	for i := range requests {
		r := &requests[i]
		if key := r.ID + r.Time.String(); !slices.Contains(l.seen, key) {
			l.seen = append(l.seen, key)
			table = append(table, r.cells(l.place))
		}
	}
	l.seen = slices.Delete(l.seen, 0, max(0, len(l.seen)-logSeen))
	for _, cells := range table {
		l.widths = append(l.widths, make([]int, max(0, len(cells)-len(l.widths)))...)
		for i, cell := range cells {
			l.widths[i] = max(l.widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, cells := range table {
		var b strings.Builder
		for i, cell := range cells {
			b.WriteString(cell + strings.Repeat(" ", l.widths[i]-utf8.RuneCountInString(cell)+2))
		}
		fmt.Fprintln(l.out, strings.TrimRight(b.String(), " "))
	}
}

// cells are the row of a request. Nothing in it steers a terminal.
func (r *loggedRequest) cells(place *time.Location) []string {
	took := lasting(r.Took)
	if r.Waited > 0 {
		took += " (waited " + lasting(r.Waited) + ")"
	}
	first, model, trail := "-", r.Model, r.Trail
	if r.TTFT != nil {
		first = lasting(*r.TTFT)
	}
	if model == "" {
		model = "-"
	}
	status := strconv.Itoa(r.Status)
	switch {
	case r.Error != "":
		status += " " + r.Error
	case r.Outcome != "ok":
		status += " " + r.Outcome
	}
	if trail == "" {
		trail = "nobody was asked"
	}
	client := r.Client
	if client == "" {
		client = "-"
	}
	cells := []string{r.Time.In(place).Format("15:04:05"), status, took, first, client, model, trail}
	for i := range cells {
		cells[i] = printable(cells[i])
	}
	return cells
}

// lasting is a time in milliseconds for people.
func lasting(ms int64) string {
	if ms < 1000 {
		return fmt.Sprintf("%d ms", ms)
	}
	return fmt.Sprintf("%.1f s", float64(ms)/1000)
}
