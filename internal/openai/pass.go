package openai

// pass reads the container that was just opened to its end. Nobody looks into it: it is checked, and its texts are weighed. What each
// step of the loop needs of the one before stays in variables of its own, and usual texts are read on the spot.
func (s *scanner) pass() bool {
	b, nest, floor := s.body, s.nest, s.nest-1
	closer := s.closers[nest]
	i, c := token(b, s.at)
	if c == closer {
		s.nest, s.at, s.fresh = floor, i+1, false
		return true
	}
	for { // a member or an element begins at i with c
		var key, t text
		if closer == '}' {
			if c != '"' {
				return s.unexpected(i, wantsKey)
			}
			from := i + 1
			if i = skipPlain(b, from); i < len(b) && b[i] == '"' {
				key.raw = b[from:i]
				i++
			} else if key, i = s.readOdd(from, i); i < 0 {
				return false
			}
			if i, c = token(b, i); c != ':' {
				return s.unexpected(i, wantsColon)
			}
			i, c = token(b, i+1)
		}
		switch c {
		case '"':
			from := i + 1
			if i = skipPlain(b, from); i < len(b) && b[i] == '"' {
				t.raw = b[from:i]
				s.size = textSize{ascii: i - from}
				i++
			} else if t, i = s.readOdd(from, i); i < 0 {
				return false
			}
			if !t.isFile() && !key.namesFile() {
				s.unseen.add(s.size)
			}
		case '{', '[':
			if nest == maxDepth {
				return s.tooDeep(i)
			}
			nest, closer = nest+1, c+2
			s.closers[nest] = closer
			if i, c = token(b, i+1); c != closer {
				continue
			}
		default:
			s.at = i
			if !s.readValue(c) {
				return false
			}
			i = s.at
		}
		for i, c = token(b, i); c == closer; i, c = token(b, i+1) {
			if nest--; nest == floor {
				s.nest, s.at, s.fresh = floor, i+1, false
				return true
			}
			closer = s.closers[nest]
		}
		if c != ',' {
			return s.unexpected(i, wantsComma)
		}
		i, c = token(b, i+1)
	}
}
