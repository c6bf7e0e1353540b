package controlplane

import (
	"io"
	"sync"
)

// tailSize is how many bytes of the last output a failed start shows.
const tailSize = 4096

// outputLog forwards the output of both programs, one write at a time, and remembers the end of it.
type outputLog struct {
	mu   sync.Mutex
	to   io.Writer // may be nil
	tail []byte
}

func (l *outputLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail = append(l.tail, p...)
	l.tail = l.tail[max(0, len(l.tail)-tailSize):]
	if l.to == nil {
		return len(p), nil
	}
	return l.to.Write(p)
}

func (l *outputLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.tail)
}
