package fallback

// Need is what a request requires of a model.
type Need struct {
	Kind       Kind
	Tools      bool // declared in the body, or used in its history
	ToolChoice bool // a tool_choice other than auto or none
	Vision     bool // images
	JSONSchema bool // response_format json_schema
	NoTrain    bool // the prompt must not go to a provider that may train on it
	Tokens     int  // estimated input, on the low side; images and files are not counted as text
	Images     int  // how many there are
	MaxOutput  int  // tokens that the client takes at most; 0 = it does not say
	Stream     bool // the answer is wanted as it comes
}

// NeedClass groups requests that share a memory of the last good model.
type NeedClass uint8

const (
	ClassPlain NeedClass = iota
	ClassTools
	ClassVision
	numNeedClasses
)

// Class of the need: vision before tools before plain.
func (n Need) Class() NeedClass {
	switch {
	case n.Vision:
		return ClassVision
	case n.Tools:
		return ClassTools
	}
	return ClassPlain
}
