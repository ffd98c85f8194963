package upstream

const (
	maxSizeDigits = 15      // of a chunk; more would not fit
	maxExtension  = 1 << 10 // bytes behind the size of one chunk
	maxTrailers   = 8 << 10 // bytes behind the last chunk; they are dropped
)

// chunks takes the framing out of a chunked body, however its bytes are cut. It is as strict as the grammar: a provider's bare
// line feed is a cut in disguise.
type chunks struct {
	state chunkState
	left  int64 // of the data of this chunk
	count int   // of digits, extension or trailer bytes
}

type chunkState uint8

const (
	inSize    chunkState = iota
	afterSize            // blanks
	inExtension
	afterSizeCR
	inData
	afterData
	afterDataCR
	atTrailer // at the begin of a line
	inTrailer
	afterTrailerCR
	afterLastCR
	atEnd
)

func (d *chunks) ended() bool { return d.state == atEnd }

// decode moves the data to the front of p and gives its length, and how many bytes stand behind the end of the body.
func (d *chunks) decode(p []byte) (n, rest int, err error) {
	for i := 0; i < len(p); {
		switch {
		case d.state == atEnd:
			return n, len(p) - i, nil
		case d.state == inData:
			k := copy(p[n:], p[i:i+int(min(d.left, int64(len(p)-i)))])
			n, i, d.left = n+k, i+k, d.left-int64(k)
			if d.left == 0 {
				d.state = afterData
			}
		default:
			if !d.step(p[i]) {
				return n, 0, errChunk
			}
			i++
		}
	}
	return n, 0, nil
}

// step takes one byte of the framing and reports whether it may stand there.
func (d *chunks) step(b byte) bool {
	switch d.state {
	case inSize:
		return d.size(b)
	case afterSize:
		return d.blank(b)
	case inExtension:
		return d.line(b, maxExtension, afterSizeCR)
	case afterSizeCR:
		d.begin()
		return b == '\n'
	case afterData:
		d.state = afterDataCR
		return b == '\r'
	case afterDataCR:
		d.state, d.count = inSize, 0
		return b == '\n'
	case atTrailer:
		if b == '\r' {
			d.state = afterLastCR
			return true
		}
		d.state = inTrailer
		return d.line(b, maxTrailers, afterTrailerCR)
	case inTrailer:
		return d.line(b, maxTrailers, afterTrailerCR)
	case afterTrailerCR:
		d.state = atTrailer
		return b == '\n'
	default: // afterLastCR
		d.state = atEnd
		return b == '\n'
	}
}

func (d *chunks) size(b byte) bool {
	if v, ok := hex(b); ok {
		d.left = d.left<<4 | v
		d.count++
		return d.count <= maxSizeDigits
	}
	if d.count == 0 {
		return false
	}
	d.state, d.count = afterSize, 0
	if b == ';' {
		d.state = inExtension
		return true
	}
	return d.blank(b)
}

// blank takes what may stand between a size and the end of its line: nothing but blanks, as in the standard library.
func (d *chunks) blank(b byte) bool {
	d.count++
	if b == '\r' {
		d.state = afterSizeCR
	}
	return d.count <= maxExtension && (b == '\r' || b == ' ' || b == '\t')
}

// line passes over a line of text, bounded, up to its CR.
func (d *chunks) line(b byte, most int, end chunkState) bool {
	if b == '\r' {
		d.state = end
		return true
	}
	d.count++
	return d.count <= most && (b >= ' ' && b != 0x7f || b == '\t')
}

func (d *chunks) begin() {
	d.state, d.count = inData, 0
	if d.left == 0 {
		d.state = atTrailer
	}
}

func hex(b byte) (int64, bool) {
	switch {
	case '0' <= b && b <= '9':
		return int64(b - '0'), true
	case 'a' <= b|0x20 && b|0x20 <= 'f':
		return int64(b|0x20-'a') + 10, true
	}
	return 0, false
}
