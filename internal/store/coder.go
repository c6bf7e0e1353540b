package store

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// coder writes values to bytes or reads them from a string, in the same order. The texts that it reads are parts of
// that string, so that they need no memory of their own.
type coder struct {
	written []byte

	reading bool
	rest    string

	since int64 // the time in seconds that others are coded relative to, because most are soon after it
}

func reader(s string) coder { return coder{reading: true, rest: s} }

// number codes an integer. A small one takes one byte.
func number[N int | int32 | int64](c *coder, n *N) {
	if !c.reading {
		c.written = binary.AppendVarint(c.written, int64(*n))
		return
	}
	var value uint64
	for shift := 0; ; shift += 7 { // binary.Varint would need a copy of the bytes
		b := c.next(1)[0]
		value |= uint64(b&0x7f) << shift
		if b < 0x80 {
			break
		}
	}
	*n = N(int64(value>>1) ^ -int64(value&1))
}

// next removes n bytes from the rest, and returns them.
func (c *coder) next(n int) string {
	part := c.rest[:n]
	c.rest = c.rest[n:]
	return part
}

func (c *coder) text(s *string) { text(c, s) }

func text[S ~string](c *coder, s *S) {
	n := len(*s)
	number(c, &n)
	if c.reading {
		*s = S(c.next(n))
	} else {
		c.written = append(c.written, *s...)
	}
}

// present codes whether a pointer is nil. When reading, it points a non-nil one at a zero value.
func present[T any](c *coder, p **T) bool {
	there := 0
	if *p != nil {
		there = 1
	}
	number(c, &there)
	if c.reading && there == 1 {
		*p = new(T)
	}
	return there == 1
}

func (c *coder) optionalInt32(p **int32) {
	if present(c, p) {
		number(c, *p)
	}
}

func (c *coder) optionalBool(p **bool) {
	if present(c, p) {
		n := 0
		if **p {
			n = 1
		}
		number(c, &n)
		**p = n == 1
	}
}

func (c *coder) optionalTime(p **metav1.Time) {
	if present(c, p) {
		c.time(*p)
	}
}

// time codes a time. Reading returns it in local time, as decoding an object of the API does. The lowest bit says
// whether the time has a fraction of a second, which only a tenant writes.
func (c *coder) time(t *metav1.Time) {
	if c.reading {
		*t = metav1.Time{}
		var coded, nanoseconds int64
		if number(c, &coded); coded&1 == 1 {
			number(c, &nanoseconds)
		}
		if read := time.Unix(coded>>1+c.since, nanoseconds); !read.IsZero() {
			t.Time = read
		}
		return
	}
	coded, nanoseconds := (t.Unix()-c.since)<<1, int64(t.Nanosecond())
	if nanoseconds == 0 {
		number(c, &coded)
		return
	}
	coded |= 1
	number(c, &coded)
	number(c, &nanoseconds)
}

// packedUID replaces the length of a UID that is coded in 16 bytes.
const packedUID = -1

// uid codes a UID in 16 bytes if it is a UUID. The API server creates only those.
func (c *coder) uid(u *types.UID) {
	n := len(*u)
	raw, packed := undashed(string(*u))
	if packed {
		n = packedUID
	}
	number(c, &n)
	switch {
	case c.reading && n == packedUID:
		*u = types.UID(dashed(c.next(16)))
	case c.reading:
		*u = types.UID(c.next(n))
	case packed:
		c.written = append(c.written, raw...)
	default:
		c.written = append(c.written, *u...)
	}
}

// version codes a resourceVersion as a number if it is one. The API server creates only those.
func (c *coder) version(v *string) {
	n, err := strconv.ParseInt(*v, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != *v || n <= 0 {
		n = 0
	}
	number(c, &n)
	switch {
	case n == 0:
		c.text(v)
	case c.reading:
		*v = strconv.FormatInt(n, 10)
	}
}

// dashed formats 16 bytes as a UUID.
func dashed(raw string) string {
	var b [36]byte
	i := 0
	for part, n := range []int{4, 2, 2, 2, 6} {
		if part > 0 {
			b[i] = '-'
			i++
		}
		i += hex.Encode(b[i:], []byte(raw[:n]))
		raw = raw[n:]
	}
	return string(b[:])
}

// undashed returns the 16 bytes of a UUID, if it is formatted as by dashed.
func undashed(u string) (raw string, ok bool) {
	if len(u) != 36 {
		return "", false
	}
	b, err := hex.DecodeString(u[:8] + u[9:13] + u[14:18] + u[19:23] + u[24:])
	if err != nil || dashed(string(b)) != u {
		return "", false
	}
	return string(b), true
}
