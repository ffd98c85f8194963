package main

// network is a flow network from node 0 to node 1, for Dinic's algorithm.
type network struct {
	first []int32 // by node: its first edge, -1 if none
	edges []edge
	depth []int32
	next  []int32
}

// edge stands beside its reverse: edge i and edge i^1.
type edge struct {
	to, next int32
	room     int32
}

const (
	source = 0
	sink   = 1
)

func newNetwork() *network {
	n := &network{}
	n.node()
	n.node()
	return n
}

func (n *network) node() int32 {
	n.first = append(n.first, -1)
	return int32(len(n.first) - 1)
}

// edge connects two nodes and gives the number of the edge.
func (n *network) edge(from, to int32, room int) int32 {
	const most = 1 << 30
	n.edges = append(n.edges, edge{to, n.first[from], int32(min(max(room, 0), most))}, edge{from, n.first[to], 0})
	n.first[from], n.first[to] = int32(len(n.edges)-2), int32(len(n.edges)-1)
	return n.first[from]
}

// flow is what has gone through an edge.
func (n *network) flow(e int32) int { return int(n.edges[e^1].room) }

// most is the largest flow. It adds to what flows already.
func (n *network) most() (total int) {
	n.depth = make([]int32, len(n.first))
	n.next = make([]int32, len(n.first))
	for n.layer() {
		copy(n.next, n.first)
		for {
			pushed := n.push(source, 1<<30)
			if pushed == 0 {
				break
			}
			total += int(pushed)
		}
	}
	return total
}

// layer gives each node its distance from the source; false when the sink cannot be reached.
func (n *network) layer() bool {
	for i := range n.depth {
		n.depth[i] = -1
	}
	n.depth[source] = 0
	todo := []int32{source}
	for len(todo) > 0 {
		v := todo[0]
		todo = todo[1:]
		for e := n.first[v]; e >= 0; e = n.edges[e].next {
			if to := n.edges[e].to; n.edges[e].room > 0 && n.depth[to] < 0 {
				n.depth[to] = n.depth[v] + 1
				todo = append(todo, to)
			}
		}
	}
	return n.depth[sink] >= 0
}

// push sends what it can from v along the layers.
func (n *network) push(v, room int32) (sent int32) {
	if v == sink {
		return room
	}
	for ; n.next[v] >= 0; n.next[v] = n.edges[n.next[v]].next {
		e := n.next[v]
		if to := n.edges[e].to; n.edges[e].room > 0 && n.depth[to] == n.depth[v]+1 {
			if x := n.push(to, min(room-sent, n.edges[e].room)); x > 0 {
				n.edges[e].room -= x
				n.edges[e^1].room += x
				if sent += x; sent == room {
					return sent
				}
			}
		}
	}
	return sent
}
