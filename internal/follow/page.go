package follow

import (
	"encoding/json"
	"fmt"
	"io"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// page is what is known of a page that has been read.
type page struct {
	metav1.ListMeta
	objects int
	bytes   int64
}

// readPage reads a list in JSON and hands over its objects one by one.
func readPage(r io.Reader, each func(*received)) (p page, err error) {
	counted := &counter{r: r}
	d := json.NewDecoder(counted)
	err = readMembers(d, func(name string) error {
		switch name {
		case "metadata":
			return d.Decode(&p.ListMeta)
		case "items":
			return readItems(d, func() error {
				var item received
				if err := d.Decode(&item); err != nil {
					return err
				}
				p.objects++
				each(&item)
				return nil
			})
		}
		return d.Decode(&json.RawMessage{})
	})
	p.bytes = counted.n
	if err != nil {
		return p, fmt.Errorf("reading a list of UserLogouts: %w", err)
	}
	return p, nil
}

// readMembers calls f for each member of an object. f reads the value.
func readMembers(d *json.Decoder, f func(name string) error) error {
	return readNested(d, '{', func() error {
		name, err := d.Token()
		if err != nil {
			return err
		}
		return f(name.(string)) // the decoder accepts only a string here
	})
}

// readItems calls f for each item of an array. f reads the item. An empty array
// may be null.
func readItems(d *json.Decoder, f func() error) error { return readNested(d, '[', f) }

func readNested(d *json.Decoder, begin json.Delim, f func() error) error {
	switch token, err := d.Token(); {
	case err != nil:
		return err
	case token == nil:
		return nil
	case token != begin:
		return fmt.Errorf("%v where %v was expected", token, begin)
	}
	for d.More() {
		if err := f(); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// counter counts the bytes that are read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
