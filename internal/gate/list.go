package gate

// list is a doubly linked list. Each node knows its list, so any node can be removed.
type list[T any] struct {
	front, back *node[T]
	len         int
}

type node[T any] struct {
	value      T
	prev, next *node[T]
	in         *list[T] // nil for none
}

func (l *list[T]) pushBack(n *node[T]) {
	n.in, n.prev = l, l.back
	if l.back == nil {
		l.front = n
	} else {
		l.back.next = n
	}
	l.back = n
	l.len++
}

// insert puts a node before another node of the list, or at the end if before is nil.
func (l *list[T]) insert(n, before *node[T]) {
	if before == nil {
		l.pushBack(n)
		return
	}
	n.in, n.prev, n.next = l, before.prev, before
	if before.prev == nil {
		l.front = n
	} else {
		before.prev.next = n
	}
	before.prev = n
	l.len++
}

// leave removes the node from its list, if it is in one.
func (n *node[T]) leave() {
	l := n.in
	if l == nil {
		return
	}
	if n.prev == nil {
		l.front = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next == nil {
		l.back = n.prev
	} else {
		n.next.prev = n.prev
	}
	l.len--
	n.prev, n.next, n.in = nil, nil, nil
}
