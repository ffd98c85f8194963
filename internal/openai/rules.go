package openai

import "freefall/fallback"

// ruling is the verdict of one row of the tables, before a stated wait is put in.
type ruling struct {
	class  fallback.Class
	scope  fallback.Scope
	action fallback.Action
	target fallback.Target
	until  fallback.Until
}

// The rulings that more than one row comes to.
var (
	tooLarge  = ruling{fallback.ContextLength, fallback.ScopeRequest, fallback.NextModelNoPenalty, fallback.TargetNone, fallback.UntilNone}
	mismatch  = ruling{fallback.UnsupportedFeature, fallback.ScopeRequest, fallback.NextModelNoPenalty, fallback.TargetNone, fallback.UntilNone}
	lacking   = ruling{fallback.UnsupportedFeature, fallback.ScopeModel, fallback.NextModelNoPenalty, fallback.TargetNone, fallback.UntilNone}
	regional  = ruling{fallback.UnsupportedFeature, fallback.ScopeModel, fallback.NextModel, fallback.TargetModel, fallback.UntilConfigChange}
	forbidden = ruling{fallback.UnsupportedFeature, fallback.ScopeAccount, fallback.NextModel, fallback.TargetModel, fallback.UntilConfigChange}

	declined = ruling{fallback.ContentPolicy, fallback.ScopeRequest, fallback.NextModelNoPenalty, fallback.TargetNone, fallback.UntilNone}
	guarded  = ruling{fallback.ContentPolicy, fallback.ScopeAccount, fallback.ReturnToClient, fallback.TargetNone, fallback.UntilNone}

	retired = ruling{fallback.ModelGone, fallback.ScopeModel, fallback.NextModel, fallback.TargetModel, fallback.UntilForever}
	missing = ruling{fallback.ModelGone, fallback.ScopeModel, fallback.NextModel, fallback.TargetModel, fallback.UntilDay}
	denied  = ruling{fallback.ModelGone, fallback.ScopeKey, fallback.NextModel, fallback.TargetPair, fallback.UntilDay}
	closed  = ruling{fallback.ModelGone, fallback.ScopeProvider, fallback.NextModel, fallback.TargetProvider, fallback.UntilForever}

	badKey     = ruling{fallback.Auth, fallback.ScopeKey, fallback.NextModel, fallback.TargetKey, fallback.UntilConfigChange}
	unpaid     = ruling{fallback.PaymentRequired, fallback.ScopeAccount, fallback.NextModel, fallback.TargetAccount, fallback.UntilConfigChange}
	unpaidKey  = ruling{fallback.PaymentRequired, fallback.ScopeAccount, fallback.NextModel, fallback.TargetKey, fallback.UntilConfigChange}
	unpaidPair = ruling{fallback.PaymentRequired, fallback.ScopeAccount, fallback.NextModel, fallback.TargetPair, fallback.UntilConfigChange}
	notInPlan  = ruling{fallback.PaymentRequired, fallback.ScopeKey, fallback.NextModel, fallback.TargetPair, fallback.UntilConfigChange}
	noQuota    = ruling{fallback.QuotaExhausted, fallback.ScopeAccount, fallback.NextModel, fallback.TargetKey, fallback.UntilConfigChange}
	neverFree  = ruling{fallback.QuotaExhausted, fallback.ScopeModel, fallback.NextModel, fallback.TargetPair, fallback.UntilConfigChange}
	keyLimit   = ruling{fallback.QuotaExhausted, fallback.ScopeKey, fallback.NextModel, fallback.TargetKey, fallback.UntilResetAt}
	spendLimit = ruling{fallback.QuotaExhausted, fallback.ScopeAccount, fallback.NextModel, fallback.TargetAccount, fallback.UntilResetAt}
	inFlight   = ruling{fallback.RateLimited, fallback.ScopeKeyMinute, fallback.NextModel, fallback.TargetAccount, fallback.UntilBackoff}
	hostLimit  = ruling{fallback.RateLimited, fallback.ScopeModelUpstream, fallback.NextModel, fallback.TargetModel, fallback.UntilBackoff}
	tooFast    = ruling{fallback.RateLimited, fallback.ScopeKeyMinute, fallback.NextModel, fallback.TargetKey, fallback.UntilBackoff}

	busy      = ruling{fallback.Overloaded, fallback.ScopeModelUpstream, fallback.NextModel, fallback.TargetModel, fallback.UntilBackoff}
	busyModel = ruling{fallback.Overloaded, fallback.ScopeModel, fallback.NextModel, fallback.TargetModel, fallback.UntilBackoff}
	fault     = ruling{fallback.UpstreamFault, fallback.ScopeModel, fallback.NextModel, fallback.TargetModel, fallback.UntilBackoff}
	edgeFault = ruling{fallback.UpstreamFault, fallback.ScopeProvider, fallback.NextModel, fallback.TargetModel, fallback.UntilBackoff}
	edgeBlock = ruling{fallback.UpstreamFault, fallback.ScopeProvider, fallback.NextModel, fallback.TargetProvider, fallback.UntilBackoff}
	late      = ruling{fallback.Timeout, fallback.ScopeModel, fallback.NextModel, fallback.TargetModel, fallback.UntilBackoff}

	badRequest = ruling{fallback.InvalidRequest, fallback.ScopeRequest, fallback.ReturnToClient, fallback.TargetNone, fallback.UntilNone}
	unsure     = ruling{fallback.InvalidRequest, fallback.ScopeRequest, fallback.OnceThenReturn, fallback.TargetNone, fallback.UntilNone}
)

// row is one line of a table: a typed code, or a phrase in a message, and what it comes to. All are in lower case; a star in a
// phrase stands for a few words.
type row struct {
	codes   []string
	phrases []string
	ruling  ruling
}

// anyStatus are codes that mean the same whatever the status. Bare numbers are Z.ai's and Cloudflare's.
var anyStatus = []row{
	{codes: []string{"context_length_exceeded", "exceed_context_size_error", "max_tokens_exceeded", "token_limit_exceeded", "string_too_long",
		"string_above_max_length", "tokens_limit_reached", "model_context_window_exceeded", "model_max_prompt_tokens_exceeded", "contextwindowexceedederror", "payload_too_large", "request_too_large", "1261"}, ruling: tooLarge},
	{codes: []string{"insufficient_quota"}, ruling: noQuota},
	{codes: []string{"budget_exceeded", "quota_for_entity_exceeded"}, ruling: keyLimit}, // a gateway's, of one of its keys
	{codes: []string{"credit_balance_exhausted", "billing_not_active", "billing_hard_limit_reached", "exceeded_current_quota_error"}, ruling: unpaidKey},
	{codes: []string{"1113", "1309"}, ruling: unpaidPair}, // Z.ai: its free models answer with the same key
	{codes: planCodes, ruling: notInPlan},
	{codes: []string{"allocationquota.freetieronly", "setlimitexceeded"}, ruling: neverFree},
	{codes: []string{"model_decommissioned", "model_deprecated", "free_variant_ended"}, ruling: retired},
	{codes: []string{"tool_use_failed", "json_validate_failed", "output_parse_failed"}, ruling: fault},
	{codes: []string{"content_filter", "content_policy_violation", "refusal", "responsibleaipolicyviolation", "data_inspection_failed",
		"datainspectionfailed", "*sensitivecontentdetected", "*sensitivecontentdetected.privacyinformation", "*sensitivecontentdetected.policyviolation", "*_unsafe",
		"sensitive_words_detected", "cyber_policy_violation", "content_filtered", "content_policy", "content_blocked", "moderation_blocked", "1301"}, ruling: declined},
	{codes: []string{"invalid_api_key", "api_key_invalid", "organization_restricted", "account_deactivated", "expired_key"}, ruling: badKey},
	{codes: []string{"region_restricted"}, ruling: regional},
	{codes: []string{"overloaded_error", "provider_overloaded", "server_is_overloaded", "model_overloaded", "engine_overloaded",
		"engine_overloaded_error", "serveroverloaded", "overloaded", "queue_exceeded", "1305", "3040"}, ruling: busy},
	{codes: []string{"slow_down"}, ruling: tooFast},
}

// limitCodes mean a 429, whatever other status they came with.
var limitCodes = []string{"rate_limit_exceeded", "rate_limit_error", "ratelimitreached", "resource_exhausted", "throttlingexception", "1302", "throttling", "throttling.ratequota", "throttling.burstrate",
	"throttling.allocationquota"}

// availabilityCodes are OpenRouter's.
var availabilityCodes = map[string]ruling{
	"model_not_found":            retired,
	"wrong_endpoint":             lacking,
	"no_endpoints":               missing,
	"model_deprecated":           retired,
	"model_unavailable_upstream": missing,
	"capacity_exhausted":         hostLimit,
	"temporarily_unavailable":    busy,
	"region_restricted":          regional,
	"privacy_restricted":         forbidden,
	"constraint_filtered":        lacking,
	"free_variant_ended":         retired,
}

// statusOf gives an error that came with a success, and without a number, the status that its type stands for.
var statusOf = map[string]int{
	"invalid_request_error": 400, "invalid_request": 400, "badrequesterror": 400, "bad_request": 400, "invalid_argument": 400,
	"invalid_prompt": 400, "unprocessable": 422,
	"authentication_error": 401, "authentication": 401, "unauthenticated": 401, "unauthorized": 401,
	"authenticationerror": 401, "payment_required": 402, "billing_error": 402, "insufficient_balance": 402, "insufficient_funds": 402,
	"permission_error": 403, "permission_denied": 403, "permissiondeniederror": 403, "forbidden": 403,
	"not_found_error": 404, "not_found": 404, "model_not_found": 404, "notfounderror": 404, "unprocessableentityerror": 422,
	"rate_limit_exceeded": 429, "rate_limit_error": 429, "rate_limited": 429, "ratelimitreached": 429, "ratelimiterror": 429,
	"too_many_requests": 429, "too_many_requests_error": 429, "too_many_tokens_error": 429, "resource_exhausted": 429, "1302": 429,
	"rate_limit_reached_error": 429, "usage_limit_reached": 429, "freeusagelimiterror": 429, "throttlingexception": 429, "throttling": 429,
	"requestlimitexceeded": 429, "limitexceeded": 429, "failedoperation.engineserverlimitexceeded": 429, "authfailure": 401, // Tencent's
	"server_error": 500, "server": 500, "internal_server_error": 500, "internal_error": 500, "internal": 500, "api_error": 500, "internalservererror": 500,
	"provider_unavailable": 502,
	"unavailable":          503, "unavailable_error": 503, "service_unavailable": 503, "service_unavailable_error": 503,
	"serviceunavailableerror": 503, "timeout": 504, "timeout_error": 504, "deadline_exceeded": 504,
}

var (
	busyWords = []string{"overload", "capacity", "model busy", "model is busy", "server busy", "server is busy", "too busy", "high traffic", "high demand",
		"访问人数过多", "负载已饱和", "过载", "繁忙", "과부하", "混雑"}
	tooLargeWords = []string{"request too large", "request body too large", "request is too large", "tokens must be reduced"}
	upstreamWords = []string{"provider returned error", "error from provider", "rate-limited upstream", "rate limited upstream"}
	contextWords  = []string{"maximum context length", "context_length_exceeded", "exceeds the available context size",
		"exceeds the maximum number of tokens", "prompt is too long", "prompt exceeds max length", "current length is*while limit is",
		"context size has been exceeded", "context length exceeded", "exceeds the context", "exceeds the model's context",
		"exceed context limit", "exceeds the model's maximum", "context window", "maximum prompt length", "input is too long", "input is longer than",
		"model token limit", "range of input length", "`inputs` tokens", "`inputs` must have less than", "context length of only", "context overflow",
		"prompt too long", "max context length", "model's context length", "maximum model length", "maximum sequence length", "tokens in the prompt",
		"exceeds context length", "than the context length", "max_seq_len", "exceed n_ctx", ">= n_ctx", "too long to fit", "payload size exceeds", "prompt exceeds the length", "input tokens exceed", "too many input tokens",
		"reduce the length of the messages", "exceed max message tokens", "max_tokens*must be at least 1, got -", "max_completion_tokens*must be at least 1, got -", "conversation is too long", "input tokens and requested", "more than max tokens allowed", "prompt token count", "request entity too large",
		"上下文长度", "超长", "最大长度", "输入长度", "コンテキスト長", "컨텍스트 길이", "longueur de contexte", "kontextlänge"}
)

// What a refusal says of money. The sentences of the first list tell that there is none; those of the second invite to pay, as refusals of
// a minute's limit do too.
var (
	brokeCodes = []string{"insufficient_user_quota", "insufficient_balance", "insufficient_funds", "payment_required", "customer_verification_required",
		"pre_consume_token_quota_failed", "failedoperation.freeresourcepackexhausted", "failedoperation.resourcepackexhausted", "arrearage", "not_enough_balance", "accountoverdueerror", "prepaidbilloverdue", "postpaidbilloverdue"}
	brokeWords = []string{"no credits remaining", "credits are depleted", "credits are exhausted", "user quota is not enough", "token quota is not enough", "资源包余量已用尽", "insufficient balance", "not enough balance", "not enough credit", "no credits left", "balance is insufficient", "insufficient credit", "insufficient fund", "credit balance is too low",
		"out of credits", "used all available credits", "have any credits", "out of extra usage", "draw from your extra usage", "credits have been used up", "is overdue", "overdue balance", "in good standing",
		"past invoices", "余额不足", "额度不足", "额度失败", "欠费", "잔액이 부족", "残高不足", "残高が不足", "solde insuffisant", "guthaben"}
	payWords = []string{"insufficient quota", "billing", "purchase*credits", "top up", "recharge"}
)

// shutWords say that somebody is shut out, whatever is asked.
var shutWords = []string{"organization has been", "organization is disabled", "resource has been*blocked", "account has been", "account*banned", "account*suspended", "account*deactivated", "project has been", "has been suspended"}

// What is free of one model alone, and is used up for good.
var freeShareWords = []string{"free quota has been exhausted", "free tier of the model", "free allocated quota", "free trial quota", "set inference limit"}

// planCodes and planWords say that one model is closed to the caller.
var planCodes = []string{"1311", "1315", "model_terms_required", "model_permission_blocked_org", "model_permission_blocked_project", "no_access",
	"paid_model_auth_required", "*_model_access_denied", "model_access_denied", "free_tier_model_not_available", "unsupportedmodel"}

var planWords = []string{"valid coding plan", "not available on your current plan", "not supported on your current plan", "not included on your current plan", "plan not support", "do not have access to this model", "requires a subscription", "requires a pro subscription", "requires terms acceptance", "tier not high enough", "does not yet include access",
	"not allowed to access model", "not allowed to access the model", "not allowed to use publisher model", "不允许使用该模型", "无权访问模型", "无权使用模型"}

var declinedWords = []string{"content_filter", "content_policy_violation", "content management policy", "content policy", "usage policies", "usage guidelines",
	"inappropriate content", "content exists risk", "sensitive words", "content was flagged", "new_sensitive", "违规信息", "违规内容", "prohibited content", "harmful content", "sensitive content", "sensitive information", "considered high risk", "requires moderation", "safety system", "敏感内容", "敏感信息", "不安全"}

// pickyWords tell what only some models demand of a conversation: how its roles follow each other, what they have said of their thoughts,
// what their templates can render. The client cannot mend what another model has said, and the next one does not ask for it.
var pickyWords = []string{"roles must alternate", "roles should be alternating", "should alternate with", "unexpected role", "expected last role", "last message must have role",
	"function call turn comes immediately", "must be passed back", "to be preserved in each request", "missing reasoning_content", "thought_signature", "jinja template", "jinja exception", "prompt template",
	"chat template", "unknown variant", "at most 0 ", "not a multimodal model", "should only be used for", "response_format*allowed values",
	"function_declarations", "not a vlm", "reasoning_effort*must be one of", "system message must be at the beginning", "template error", "parse grammar",
	"content' : value must be a string", "expected one of: ['str']", "type mismatch of '/messages/", "mixed values for", "must have stream", "is incompatible with", "only works in thinking mode",
	"too many images", "images, exceeding", "image(s) may be provided"}

// regionWords say that one model is closed to where we are. The key serves others.
var regionWords = []string{"model is not available in your", "model*not available in your region"}

// badRequests are the rows of 400 and 422. Those for one fault go before those for a family.
var badRequests = []row{
	{phrases: contextWords, ruling: tooLarge},
	{codes: []string{"model_not_found", "invalid_model", "unknown_model", "unavailable_model", "model_not_supported", "model_not_available", "1211"},
		phrases: []string{"not a valid model", "decommissioned", "model_not_found", "model*does not exist", "model*not found", "model not exist", "unknown model",
			"invalid model", "no such model", "unavailable model", "model not supported", "is not supported for provider", "is not supported by any provider",
			"supported api model names", "model identifier is invalid", "incorrect model id", "requested model is not valid", "requested model is not available", "non-serverless model", "on-demand throughput isn't supported", "has no provider supported", "unknown provider for model", "no keys found that support model", "模型不存在", "模型已下线", "モデルが見つかりません", "모델을 찾을 수 없"}, ruling: retired},
	{phrases: []string{"not available for this api key"}, ruling: denied},
	{phrases: regionWords, ruling: regional},
	{phrases: []string{"only available through the batch api", "only supported in v1/responses", "not a chat model", "not allowed to post"}, ruling: missing}, // of no use to any chat
	{phrases: []string{"single tool-call", "single tool call"}, ruling: mismatch},
	{codes: []string{"tool_use_failed"}, phrases: []string{"tool_use_failed", "failed to call a function", "failed to generate json"}, ruling: fault},
	{phrases: []string{"degraded function"}, ruling: busyModel},
	{phrases: []string{"model is unloaded", "model unloaded", "failed to load model", "model has crashed"}, ruling: fault},
	{phrases: []string{"api_key_invalid", "api key not valid", "api key expired", "invalid api key", "incorrect api key", "service account is deleted",
		"location is not supported", "location not supported", "not available in your country", "not available in your region"}, ruling: badKey},
	{phrases: shutWords, ruling: badKey},
	{phrases: []string{"specified api usage limits", "regain access on"}, ruling: spendLimit},
	{codes: brokeCodes, phrases: brokeWords, ruling: unpaid},
	{phrases: planWords, ruling: notInPlan},
	{codes: unsupportedCodes, phrases: unsupportedWords, ruling: mismatch},
	{phrases: declinedWords, ruling: declined},
	{phrases: pickyWords, ruling: mismatch},
}

// What a provider does not know or does not do. The request is right elsewhere.
var (
	unsupportedCodes = []string{"unsupported_parameter", "unsupported_value", "unknown_parameter", "extra_forbidden", "unsupported_feature"}
	unsupportedWords = []string{"does not support", "doesn't support", "do not support", "不支持", "not supported", "unsupported", "only support", "not currently supported", "for non-streaming", "is not enabled for",
		"unknown name", "unknown parameter", "unknown field", "unrecognized request argument", "unrecognized", "unexpected keyword argument",
		"extra_forbidden", "extra inputs are not permitted", "additional properties are not allowed", "enable-auto-tool-choice",
		"max_tokens*integer above maximum", "max_completion_tokens*integer above maximum", "max_tokens*must be less", "max_tokens*too large", "max_completion_tokens*must be less", "max_completion_tokens*too large",
		"max_tokens*must be between", "range of max_tokens", "maximum allowed number of output tokens", "for this model", "with this model"}
)

// What is wrong with the request itself.
var (
	invalidCodes = []string{"invalid_type", "invalid_json", "json_invalid", "missing_required_parameter"}
	invalidWords = []string{"parse the json", "parse json", "invalid json", "not valid json", "malformed json", "json decode", "json parse",
		"cannot unmarshal", "invalid type", "wrong type", "expected a string", "expected an array", "expected an object", "must be a string",
		"must be an array", "must be an object", "must be a list"}
	complaints = []string{"must", "invalid", "expected", "required", "missing", "cannot", "should", "empty"}
)

// refusals are the rows of 403. What speaks of one model rests that alone: a key that is good for the others is worth more than the
// calls that find out that it is not.
var refusals = []row{
	{phrases: []string{"number of prompt tokens", "输入token小于"}, ruling: tooLarge},
	{phrases: contextWords, ruling: tooLarge},
	{phrases: []string{"guardrail", "patterns detected"}, ruling: guarded},
	{phrases: []string{"key limit exceeded", "key*limit exceeded", "budget exceeded", "call volume quota", "reached your*usage limit", "usage limit*reached",
		"usage limit exceeded"}, ruling: keyLimit},
	{phrases: shutWords, ruling: badKey},
	{phrases: declinedWords, ruling: declined},
	{phrases: []string{"region_restricted", "violation of provider terms"}, ruling: regional},
	{phrases: regionWords, ruling: regional},
	{phrases: freeShareWords, ruling: neverFree},
	{phrases: []string{"model requires paid", "model requires a paid"}, ruling: unpaidPair},
	{codes: brokeCodes, phrases: brokeWords, ruling: unpaid},
	{phrases: planWords, ruling: notInPlan},
	{phrases: []string{"tier can only be used"}, ruling: notInPlan},
	{phrases: payWords, ruling: unpaid},
	{phrases: []string{"model disabled", "model is disabled", "too large to be loaded", "model*not found", "model*does not exist"}, ruling: missing},
	{codes: []string{"accessdenied.unpurchased"}, phrases: []string{"model"}, ruling: notInPlan},
}

// absences are the rows of 404.
var absences = []row{
	{phrases: []string{"no endpoints*that support", "no endpoints*that can", "no endpoints*which support", "no endpoints*supporting", "does not support"}, ruling: lacking},
	{phrases: []string{"data policy", "guardrail restriction", "data retention", "settings/privacy", "no allowed providers", "providers have been ignored"}, ruling: forbidden},
	{phrases: []string{"free*period has ended", "free period has ended", "free variant*has ended", "unavailable for free"}, ruling: retired},
	{phrases: []string{"not found for account"}, ruling: denied},
}

// failures are the rows of 5xx that are no fault: what local servers were not started for, and what a template cannot render.
var failures = []row{
	{codes: []string{"not_supported_error"}, phrases: []string{"input is not supported", "requires --jinja", "enable-auto-tool-choice", "jinja exception",
		"jinja template", "roles must alternate"}, ruling: mismatch},
}

// closures are the rows of 410. The model is meant unless the text speaks of the service.
var closures = []row{
	{phrases: []string{"the model", "this model", "model '", "model `", "model \"", "model:"}, ruling: retired},
	{phrases: []string{"retire", "brownout", "shut down", "shutdown", "sunset", "discontinued", "end of life", "no longer available"}, ruling: closed},
}
