package roster

import "freefall/fallback"

// Training says whether the provider of a free model may train on what is sent. A known host is judged by its owner,
// whatever dialect is written; of an unknown host nothing is known. What stays on the operator's own machines is not
// trained on, unless it is said to speak like somebody else, who then may stand behind it.
func Training(c Claim) fallback.Training {
	switch owner := byURL(c.BaseURL); {
	case elsewhere(c) && IsLocal(c):
		return ollamaCloud.Training
	case owner != nil:
		return owner.Training
	case IsLocal(c) && (c.Dialect.Local || c.Dialect == openAI):
		return fallback.NeverTrains
	case IsLocal(c):
		return c.Dialect.Training
	}
	return fallback.TrainingUnknown
}
