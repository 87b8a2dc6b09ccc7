package main

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// K3s logs through logrus; these lines have the same form, so that what reads K3s's journal reads ours.
func logLine(level, format string, values ...any) {
	fmt.Fprintf(os.Stderr, "time=%q level=%s msg=%q\n", time.Now().Format(time.RFC3339), level, fmt.Sprintf(format, values...))
}

func infof(format string, values ...any)  { logLine("info", format, values...) }
func warnf(format string, values ...any)  { logLine("warning", format, values...) }
func errorf(format string, values ...any) { logLine("error", format, values...) }

// quietLog passes a repeated line on only when it changes or every ten seconds, so that short polls don't flood the journal.
type quietLog struct {
	mutex sync.Mutex
	last  string
	at    time.Time
}

func (q *quietLog) log(level, format string, values ...any) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	line := fmt.Sprintf(format, values...)
	if line == q.last && time.Since(q.at) < 10*time.Second {
		return
	}
	q.last, q.at = line, time.Now()
	logLine(level, "%s", line)
}
