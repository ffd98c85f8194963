package fallback

import "slices"

// names are the rows of a table by what clients call them.
type names struct {
	byID  map[string][]int32
	first map[string]int32 // of an id, and of a provider/id
}

func (n *names) add(m *Model, row int32) {
	n.byID[m.ID] = append(n.byID[m.ID], row)
	for _, name := range [...]string{m.ID, m.Provider + "/" + m.ID} {
		if _, ok := n.first[name]; !ok {
			n.first[name] = row
		}
	}
}

// configured appends the rows that have this id, or this provider/id, and are not in the order yet.
func (t *table) configured(order []int32, name string) []int32 {
	if auto(name) {
		return order
	}
	n := len(order)
	for _, i := range t.names.byID[name] {
		if !slices.Contains(order, i) {
			order = append(order, i)
		}
	}
	if len(order) > n {
		return order
	}
	if i := t.first(name); i >= 0 && !slices.Contains(order, int32(i)) {
		order = append(order, int32(i))
	}
	return order
}

// first is the row of an id or provider/id, -1 if none.
func (t *table) first(name string) int {
	if i, ok := t.names.first[name]; ok {
		return int(i)
	}
	return -1
}
