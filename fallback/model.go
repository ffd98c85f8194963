package fallback

// Kind is what a model is for. Kinds never mix.
type Kind uint8

const (
	Chat Kind = iota
	Embedding
)

func (k Kind) String() string {
	if k == Embedding {
		return "embedding"
	}
	return "chat"
}

// Proof is why a model costs nothing.
type Proof uint8

const (
	Unproven     Proof = iota // never called
	ProvenListed              // the provider's list prices it at zero, or its id says so
	ProvenLocal               // a server on this machine or network
	ProvenPlan                // the operator's word: this key has no billing
	AllowedPaid               // the operator named it in allow_paid
)

var proofNames = [...]string{"unproven", "listed", "local", "plan", "allow_paid"}

func (p Proof) String() string { return proofNames[p] }

// Training is whether the provider of a free model may train on what is sent.
type Training uint8

const (
	TrainingUnknown Training = iota
	MayTrain
	NeverTrains
)

var trainingNames = [...]string{"unknown", "may_train", "never"}

func (t Training) String() string { return trainingNames[t] }

// Key is one credential of a provider, without the credential.
type Key struct {
	// Account names the account whose limits the key draws from. Keys of one account share them, at whatever provider entries they stand;
	// empty = an account of the provider itself.
	Account string
	Limits  []Window // of the account, all its models together; the same for all its keys

	// Fingerprint tells the credential from others and gives nothing of it away. What is known of a key goes by it: another one in
	// its place begins anew. Empty = it goes by the place.
	Fingerprint string
	Own         bool // the account is this key's alone, and goes with it
}

// Model is one row of the chain: an id at a provider. The same id may stand at several providers.
type Model struct {
	Provider  string
	Host      string // models of one host are unreachable together; empty = the provider's name
	ID        string
	Name      string
	Strengths []string // words for people
	Kind      Kind

	Tools      bool
	Vision     bool
	JSONSchema bool
	Context    int // tokens; 0 = unknown, which takes any size

	Proof    Proof
	Training Training
	// USDPerDay bounds what an AllowedPaid row may cost in a UTC day.
	USDPerDay float64
	// Off is the reason why the row is never asked ("no_key", "not_free", "limit_zero"); empty = it may be. Why says it
	// in a sentence, with what to do.
	Off string
	Why string

	Limits   []Window // of this model for each account
	Counting Counting
	Burns    bool // a call that is cancelled goes on, and is counted as a whole
	Reserves bool // tokens are counted when the request comes: the input, and as many as the answer may have

	Keys []Key // of its provider, in order; a keyless provider has one with an empty account

	Via any // how to reach it: the caller's own, only carried along
}
