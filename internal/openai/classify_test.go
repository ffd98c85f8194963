package openai

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"freefall/fallback"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// brief writes an outcome in one line: class, scope, action, target, until, stated seconds, and the feature or field refused.
func brief(o fallback.Outcome) string {
	wait := "-"
	if o.Stated {
		wait = fmt.Sprintf("%g", o.RetryAfter.Seconds())
	}
	action := map[fallback.Action]string{fallback.PassThrough: "pass", fallback.NextModel: "next", fallback.NextModelNoPenalty: "free",
		fallback.OnceThenReturn: "once", fallback.ReturnToClient: "return"}[o.Action]
	s := fmt.Sprint(o.Class, " ", o.Scope, " ", action, " ", o.Target, " ", o.Until, " ", wait)
	return strings.TrimSpace(s + " " + o.Feature.String() + o.Param)
}

// msg is an error object with a message and nothing else.
func msg(s string) string { return fmt.Sprintf(`{"error":{"message":%q}}`, s) }

// Answers of the documented shapes, other than the recorded ones: other numbers, models, windows, wrappings and headers.
var variants = []struct {
	name    string
	dialect string
	status  int
	headers string // "name: value", one a line
	body    string
	want    string
}{
	// Waits, from headers.
	{"retry-after-ms first", "openai", 429, "retry-after-ms: 250\nretry-after: 9", msg("slow"), "rate_limited key-minute next key+model retry_after 0.25"},
	{"retry-after-ms unreadable", "openai", 429, "retry-after-ms: soon\nretry-after: 9", msg("slow"), "rate_limited key-minute next key+model retry_after 9"},
	{"retry-after float", "openai", 429, "retry-after: 1.5", msg("slow"), "rate_limited key-minute next key+model retry_after 1.5"},
	{"retry-after zero", "openai", 429, "retry-after: 0", msg("slow"), "rate_limited key-minute next key+model retry_after 0"},
	{"retry-after negative", "openai", 429, "retry-after: -5", msg("slow"), "rate_limited key-minute next key+model backoff -"},
	{"retry-after garbage, body says", "openai", 429, "retry-after: later", msg("Please retry in 3s."), "rate_limited key-minute next key+model retry_after 3"},
	{"retry-after beyond 32 days", "openai", 429, "retry-after: 99999999", msg("slow"), "rate_limited key-minute next key+model backoff -"},
	{"retry-after overflowing", "openai", 429, "retry-after: 99999999999999999999999999", msg("slow"), "rate_limited key-minute next key+model backoff -"},
	{"retry-after Inf", "openai", 429, "retry-after: Inf", msg("slow"), "rate_limited key-minute next key+model backoff -"},
	{"retry-after NaN", "openai", 429, "retry-after: NaN", msg("slow"), "rate_limited key-minute next key+model backoff -"},
	{"retry-after HTTP date", "openai", 429, "retry-after: Sun, 22 Nov 2026 12:00:45 GMT", msg("slow"), "rate_limited key-minute next key+model retry_after 45"},
	{"retry-after HTTP date past", "openai", 429, "retry-after: Sun, 22 Nov 2026 11:00:45 GMT", msg("slow"), "rate_limited key-minute next key+model backoff -"},
	{"retry-after RFC 3339", "openai", 429, "retry-after: 2026-11-22T12:01:00Z", msg("slow"), "rate_limited key-minute next key+model retry_after 60"},
	{"retry-after epoch", "openai", 429, "retry-after: 1795348830", msg("slow"), "rate_limited key-minute next key+model retry_after 30"},
	{"retry-after of two hours", "openai", 429, "retry-after: 7200", msg("slow"), "rate_limited key-day next key+model retry_after 7200"},
	{"reset in epoch seconds", "openai", 429, "x-ratelimit-remaining: 0\nx-ratelimit-reset: 1795348830", msg("slow"), "rate_limited key-minute next key+model reset_at 30"},
	{"reset in milliseconds", "openai", 429, "x-ratelimit-remaining: 0\nx-ratelimit-reset: 1795348830000", msg("slow"), "rate_limited key-minute next key+model reset_at 30"},
	{"reset in seconds to go", "openai", 429, "x-ratelimit-remaining: 0\nx-ratelimit-reset: 30", msg("slow"), "rate_limited key-minute next key+model reset_at 30"},
	{"reset without a counter", "openai", 429, "x-ratelimit-reset: 30", msg("slow"), "rate_limited key-minute next key+model reset_at 30"},
	{"reset of a healthy bucket", "openai", 429, "x-ratelimit-remaining: 3\nx-ratelimit-reset: 30", msg("slow"), "rate_limited key-minute next key+model backoff -"},
	{"the later of two spent buckets", "openai", 429, "x-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 6m0s\nx-ratelimit-remaining-tokens: 0\nx-ratelimit-reset-tokens: 12ms", msg("slow"), "rate_limited key-minute next key+model reset_at 360"},
	{"groq counts requests by the day", "groq", 429, "x-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 2h59m56s", msg("slow"), "rate_limited key-day next key+model reset_at 10796"},
	{"cerebras day bucket", "cerebras", 429, "x-ratelimit-remaining-requests-day: 0\nx-ratelimit-reset-requests-day: 1800.5", `{"message":"Too many requests","type":"too_many_requests_error"}`, "rate_limited key-day next key+model reset_at 1800.5"},
	{"anthropic bucket", "openai", 429, "anthropic-ratelimit-input-tokens-remaining: 0\nanthropic-ratelimit-input-tokens-reset: 2026-11-22T12:00:20Z", `{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}`, "rate_limited key-minute next key+model reset_at 20"},
	{"a bucket says nothing of an outage", "openai", 500, "x-ratelimit-remaining: 0\nx-ratelimit-reset: 30", msg("oops"), "upstream_fault model next model backoff -"},
	{"a day beats a spent minute", "cerebras", 429, "x-ratelimit-remaining-tokens-minute: 0\nx-ratelimit-reset-tokens-minute: 12.5", msg("Requests per day limit exceeded"), "rate_limited key-day next key+model utc_midnight 12.5"},
	{"a spent day beats a spent minute", "cerebras", 429, "x-ratelimit-remaining-tokens-minute: 0\nx-ratelimit-reset-tokens-minute: 12.5\nx-ratelimit-remaining-requests-day: 0\nx-ratelimit-reset-requests-day: 3000", "", "rate_limited key-day next key+model reset_at 3000"},
	{"a spent day that says no more", "cerebras", 429, "x-ratelimit-remaining-tokens-minute: 0\nx-ratelimit-reset-tokens-minute: 12.5\nx-ratelimit-remaining-requests-day: 0\nx-ratelimit-reset-requests-day: soon", "", "rate_limited key-day next key+model utc_midnight -"},
	{"a spent day behind a spent minute", "groq", 429, "x-ratelimit-remaining-tokens-minute: 0\nx-ratelimit-reset-tokens-minute: 12.5\nx-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: soon", "", "rate_limited key-day next key+model utc_midnight -"},
	{"an hour beats a spent minute", "openai", 429, "x-ratelimit-remaining-tokens: 0\nx-ratelimit-reset-tokens: 12s", msg("Hourly limit reached"), "quota_exhausted key next key+model 1h 12"},
	{"a day id with a hint of 36 s, in UTC", "openrouter", 429, "retry-after: 36", `{"error":{"code":429,"message":"Rate limit exceeded","metadata":{"limit_source":"openrouter_free_tier_daily"}}}`, "rate_limited key-day next account utc_midnight 36"},
	{"a day id with a hint of 36 s, by the Pacific", "google", 429, "", `[{"error":{"code":429,"message":"quota","details":[{"violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier","quotaValue":"20"}]},{"retryDelay":"36s"}]}}]`, "rate_limited key-day next key+model pacific_midnight 36"},
	{"a day id beats a duration in words", "google", 429, "", `[{"error":{"code":429,"message":"Please retry in 36.5s.","details":[{"violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}]}}]`, "rate_limited key-day next key+model pacific_midnight 36.5"},
	{"a day with a counter's own reset", "openrouter", 429, "", `{"error":{"code":429,"message":"Rate limit exceeded: free-models-per-day","metadata":{"headers":{"X-RateLimit-Reset":"1795348836000"}}}}`, "rate_limited key-day next account reset_at 36"},
	{"reset as a duration", "openai", 429, "x-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 2m59.56s", "", "rate_limited key-minute next key+model reset_at 179.56"},
	{"reset past", "openai", 429, "x-ratelimit-remaining: 0\nx-ratelimit-reset: 1795348790", "", "rate_limited key-minute next key+model backoff -"},
	{"reset zero", "openai", 429, "x-ratelimit-remaining: 0\nx-ratelimit-reset: 0", "", "rate_limited key-minute next key+model reset_at 0"},
	{"reset absurd", "openai", 429, "x-ratelimit-remaining: 0\nx-ratelimit-reset: 99999999999999999", "", "rate_limited key-minute next key+model backoff -"},
	{"reset in a year", "openai", 429, "x-ratelimit-remaining: 0\nx-ratelimit-reset: 1826884800", "", "rate_limited key-minute next key+model backoff -"},
	{"reset negative", "openai", 429, "x-ratelimit-remaining: 0\nx-ratelimit-reset: -30", "", "rate_limited key-minute next key+model backoff -"},
	{"an outage that says when", "openai", 500, "retry-after: 5", msg("oops"), "upstream_fault model next model retry_after 5"},

	// Waits, from bodies.
	{"compact duration", "openai", 429, "", msg("Limit reached. Try again in 1m30.5s."), "rate_limited key-minute next key+model retry_after 90.5"},
	{"try again in seconds", "openai", 429, "", msg("Rate limit reached. Please try again in 46.72s."), "rate_limited key-minute next key+model retry_after 46.72"},
	{"try again in zero", "openai", 429, "", msg("Please try again in 0s."), "rate_limited key-minute next key+model retry_after 0"},
	{"try again in the past", "openai", 429, "", msg("Please retry at 2026-11-22T11:00:00Z."), "rate_limited key-minute next key+model backoff -"},
	{"try again in a year", "openai", 429, "", msg("Please try again in 365d."), "rate_limited key-minute next key+model backoff -"},
	{"try again in less than nothing", "openai", 429, "", msg("Please try again in -5s."), "rate_limited key-minute next key+model backoff -"},
	{"retryDelay", "google", 429, "", `[{"error":{"code":429,"message":"quota","details":[{"retryDelay":"34.5s"}]}}]`, "rate_limited model-upstream next key+model retry_after 34.5"},
	{"retryDelay zero", "google", 429, "", `[{"error":{"code":429,"message":"quota","details":[{"retryDelay":"0s"}]}}]`, "rate_limited model-upstream next key+model retry_after 0"},
	{"retryDelay negative", "google", 429, "", `[{"error":{"code":429,"message":"quota","details":[{"retryDelay":"-5s"}]}}]`, "rate_limited model-upstream next key+model backoff -"},
	{"retryDelay absurd", "google", 429, "", `[{"error":{"code":429,"message":"quota","details":[{"retryDelay":"1e99s"}]}}]`, "rate_limited model-upstream next key+model backoff -"},
	{"resets_at past", "openai", 429, "", `{"error":{"message":"slow","resets_at":"2026-11-22T11:00:00Z"}}`, "rate_limited key-minute next key+model backoff -"},
	{"resets_at in epoch seconds", "openai", 429, "", `{"error":{"message":"slow","resets_at":1795348830}}`, "rate_limited key-minute next key+model reset_at 30"},
	{"worded duration", "openai", 429, "", msg("Please try again in about 2 minutes and 5 seconds."), "rate_limited key-minute next key+model retry_after 125"},
	{"number alone", "openai", 429, "", msg("Please wait 20"), "rate_limited key-minute next key+model retry_after 20"},
	{"a number of something else", "openai", 429, "", msg("Please wait 20 turns"), "rate_limited key-minute next key+model backoff -"},
	{"resets in", "openai", 429, "", msg("Usage limit reached, resets in 27h41m"), "rate_limited key-day next key+model retry_after 99660"},
	{"moment in the text", "openai", 429, "", msg("Blocked; retry at 2026-11-22T12:10:00Z."), "rate_limited key-minute next key+model reset_at 600"},
	{"in a few seconds", "openai", 429, "", msg("Try again in a few seconds"), "rate_limited key-minute next key+model backoff -"},
	{"retry_after beside the message", "openai", 429, "", `{"error":{"message":"slow","retry_after":7}}`, "rate_limited key-minute next key+model retry_after 7"},
	{"quoted wait is the client's", "openai", 429, "", msg(`Rejected: "try again in 5 days"`), "rate_limited key-minute next key+model backoff -"},

	// Windows of a 429.
	{"per day, dialect's midnight", "openrouter", 429, "", msg("Limit 50 requests per day reached"), "rate_limited key-day next key+model utc_midnight -"},
	{"per day beats a hint of seconds", "openai", 429, "retry-after: 30", msg("You have hit the daily limit"), "rate_limited key-day next key+model utc_midnight 30"},
	{"rolling day believes the hint", "groq", 429, "", msg("on requests per day (RPD): Limit 1000, Used 1000, Requested 1. Please try again in 1m26.4s."), "rate_limited key-day next key+model retry_after 86.4"},
	{"google per day in a nested message", "google", 429, "", `{"error":{"message":"{\"error\":{\"code\":429,\"message\":\"quota\",\"details\":[{\"violations\":[{\"quotaId\":\"GenerateContentInputTokensPerModelPerDay-FreeTier\",\"quotaValue\":\"250\"}]},{\"retryDelay\":\"12s\"}]}}","code":429}}`, "rate_limited key-day next key+model pacific_midnight 12"},
	{"google both windows", "google", 429, "", `[{"error":{"code":429,"message":"quota","details":[{"violations":[{"quotaId":"RequestsPerMinutePerModel"},{"quotaId":"RequestsPerDayPerModel"}]},{"retryDelay":"12.5s"}]}}]`, "rate_limited key-day next key+model pacific_midnight 12.5"},
	{"google limit 0 in words", "google", 429, "", `[{"error":{"code":429,"message":"* Quota exceeded for metric: x, limit: 0, model: gemini-9\nPlease retry in 5s."}}]`, "quota_exhausted model next key+model config_change 5"},
	{"a limit that only begins with 0", "google", 429, "", msg("Quota exceeded, limit: 0.5 per second"), "rate_limited key-minute next key+model backoff -"},
	{"the first window named counts", "openrouter", 429, "", msg("Rate limit exceeded: free-models-per-min. Add 10 credits to unlock 1000 free model requests per day"), "rate_limited key-minute next account backoff -"},
	{"an offer is no limit", "openai", 429, "", msg("Rate limit exceeded. Upgrade to Pro for 1000 requests per day"), "rate_limited key-minute next key+model backoff -"},
	{"a price is no limit", "openai", 429, "", msg("Rate limit exceeded. Pro costs $20/month"), "rate_limited key-minute next key+model backoff -"},
	{"a model id is no window", "nvidia", 429, "", msg("Too many requests for minimaxai/minimax-m2.7, 40 per day"), "rate_limited key-day next key+model utc_midnight -"},
	{"hourly", "openai", 429, "", msg("Hourly usage limit reached"), "quota_exhausted key next key+model 1h -"},
	{"hourly with a reset", "ollama-cloud", 429, "", `{"error":"you have reached your hourly usage limit, try again in 12m"}`, "quota_exhausted account next account retry_after 720"},
	{"weekly", "ollama-cloud", 429, "", `{"error":"you have reached your weekly usage limit"}`, "quota_exhausted account next account 24h -"},
	{"monthly", "ollama-cloud", 429, "retry-after: 30", `{"error":"you have reached your monthly usage limit"}`, "quota_exhausted key-month next account month_end 30"},
	{"x-ratelimit-type", "openai", 429, "x-ratelimit-type: UserByModelByDay", msg("Too many"), "rate_limited key-day next key+model utc_midnight -"},
	{"x-ratelimit-type by minute", "openai", 429, "x-ratelimit-type: UserByModelByMinute", `{"error":{"code":"RateLimitReached","message":"Rate limit of 10 per 60s exceeded. Please wait 0 seconds"}}`, "rate_limited key-minute next key+model retry_after 0"},
	{"neurons by code", "cloudflare", 429, "", `{"errors":[{"code":4006,"message":"no more"}],"success":false}`, "rate_limited key-day next account utc_midnight -"},
	{"cloudflare capacity", "cloudflare", 429, "", `{"errors":[{"code":3040,"message":"try later"}]}`, "overloaded model-upstream next model backoff -"},
	{"zai window full", "zai", 400, "", `{"error":{"code":"1261","message":"Prompt exceeds max length"}}`, "context_length request free none none -"},

	// Bare 429s by dialect.
	{"bare openrouter", "openrouter", 429, "", msg("Rate limit exceeded"), "rate_limited key-minute next key+model backoff -"},
	{"bare mistral", "mistral", 429, "", "", "rate_limited key-minute next key backoff -"},
	{"bare google", "google", 429, "", "", "rate_limited model-upstream next key+model backoff -"},
	{"bare huggingface", "huggingface", 429, "", `{"error":"Too many requests"}`, "rate_limited key-minute next account backoff -"},
	{"unknown host, HTML", "nobody", 429, "content-type: text/html", "<html><title>429</title></html>", "rate_limited key-minute next key+model backoff -"},

	// OpenRouter's typed fields.
	{"free tier by the minute", "openrouter", 429, "", `{"error":{"code":429,"message":"slow","metadata":{"limit_source":"openrouter_free_tier_minute"}}}`, "rate_limited key-minute next account backoff -"},
	{"shared pool", "openrouter", 429, "", `{"error":{"code":429,"message":"busy","metadata":{"limit_source":"upstream_provider_account_pool"}}}`, "rate_limited model-upstream next model backoff -"},
	{"credits", "openrouter", 402, "", `{"error":{"code":402,"message":"no","metadata":{"limit_source":"openrouter_credits"}}}`, "payment_required account next account config_change -"},
	{"workspace budget", "openrouter", 403, "", `{"error":{"code":403,"message":"no","metadata":{"limit_source":"openrouter_workspace_budget","scope":"workspace","resets_at":"2026-12-01T00:00:00Z"}}}`, "quota_exhausted account next account reset_at 734400"},
	{"guardrail budget is money, not content", "openrouter", 403, "", `{"error":{"code":403,"message":"Guardrail budget used up","metadata":{"limit_source":"openrouter_guardrail_budget"}}}`, "quota_exhausted key next key config_change -"},
	{"key limit in words", "openrouter", 403, "", msg("Key limit exceeded (monthly limit)."), "quota_exhausted key next key month_end -"},
	{"retryable beats the code", "openrouter", 404, "", `{"error":{"message":"gone for now","availability":{"code":"no_endpoints","retryable":true,"retry_after":9}}}`, "overloaded model-upstream next model retry_after 9"},
	{"unknown but retryable", "openrouter", 429, "", `{"error":{"message":"wait","availability":{"code":"warming_up","retryable":true}}}`, "rate_limited model-upstream next model backoff -"},
	{"region", "openrouter", 403, "", `{"error":{"message":"no","availability":{"code":"region_restricted","retryable":false}}}`, "unsupported_feature model next model config_change -"},
	{"deprecated", "openrouter", 404, "", `{"error":{"message":"no","availability":{"code":"model_deprecated","retryable":false}}}`, "model_gone model next model forever -"},
	{"unavailable upstream", "openrouter", 404, "", `{"error":{"message":"no","availability":{"code":"model_unavailable_upstream"}}}`, "model_gone model next model 24h -"},
	{"constraint on tools", "openrouter", 404, "", `{"error":{"message":"no","availability":{"code":"constraint_filtered","excluded_by":["supported_parameters:tools"]}}}`, "unsupported_feature model free none none - tools"},
	{"constraint by policy", "openrouter", 404, "", `{"error":{"message":"no","availability":{"code":"constraint_filtered","excluded_by":["data_policy:training"]}}}`, "unsupported_feature account next model config_change -"},
	{"error_type content", "openrouter", 400, "", `{"error":{"code":400,"message":"no","metadata":{"error_type":"content_policy_violation"}}}`, "content_policy request free none none -"},
	{"error_type length", "openrouter", 400, "", `{"error":{"code":400,"message":"no","error_type":"token_limit_exceeded"}}`, "context_length request free none none -"},
	{"error_type image", "openrouter", 400, "", `{"error":{"code":400,"message":"no","metadata":{"error_type":"image_download_failed"}}}`, "invalid_request request once none none -"},
	{"raw holds the upstream's JSON", "openrouter", 400, "", `{"error":{"code":400,"message":"Provider returned error","metadata":{"raw":"{\"error\":{\"message\":\"This model's maximum context length is 8192 tokens\",\"code\":\"x\"}}","provider_name":"Chutes"}}}`, "context_length request free none none -"},
	{"the upstream's key is not ours", "openrouter", 400, "", `{"error":{"code":400,"message":"Provider returned error","metadata":{"raw":"{\"error\":{\"message\":\"API key not valid\",\"code\":\"invalid_api_key\"}}","provider_name":"Google"}}}`, "invalid_request request once none none -"},
	{"the upstream's quota is not ours", "openrouter", 429, "", `{"error":{"code":429,"message":"Provider returned error","metadata":{"raw":{"error":{"message":"limit of 5 per day","code":"insufficient_quota"}},"provider_name":"Google"}}}`, "rate_limited model-upstream next model backoff -"},
	{"error from provider", "openai", 429, "", msg("Error from provider (acme): slow down"), "rate_limited model-upstream next model backoff -"},

	// 404.
	{"json schema", "openrouter", 404, "", msg("No endpoints found that support response_format json_schema. Try x"), "unsupported_feature model free none none - json_schema"},
	{"requested parameters", "openrouter", 404, "", msg("No endpoints found that can handle the requested parameters."), "unsupported_feature model free none none -"},
	{"a client's tool name is no feature", "openrouter", 404, "", msg(`No endpoints found that support audio input. Try disabling "image"`), "unsupported_feature model free none none -"},
	{"image", "openrouter", 404, "", msg("No endpoints found that support image input for this tool"), "unsupported_feature model free none none - vision"},
	{"404 that does not support", "openai", 404, "", msg("acme/m does not support tool use"), "unsupported_feature model free none none - tools"},
	{"gone, as HTML", "openai", 404, "content-type: text/html", "<html><title>404</title></html>", "model_gone model next model 24h -"},
	{"function of another account", "nvidia", 404, "", `{"status":404,"title":"Not Found","detail":"Function 'f-1': Not found for account 'a'"}`, "model_gone key next key+model 24h -"},

	// 400 and 422.
	{"vllm context", "openai", 400, "", `{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 9000","type":"BadRequestError","param":null,"code":400}`, "context_length request free none none -"},
	{"no such model", "openai", 400, "", `{"error":{"message":"no","code":"model_not_found"}}`, "model_gone model next model forever -"},
	{"tool_choice refused", "openai", 400, "", msg("tool_choice is not supported by this model"), "unsupported_feature model free none none - tool_choice"},
	{"unsupported parameter", "openai", 400, "", `{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model.","param":"max_tokens","code":"unsupported_parameter"}}`, "unsupported_feature request free none none - max_tokens"},
	{"pydantic, foreign field", "mistral", 422, "", `{"detail":[{"type":"extra_forbidden","loc":["body","messages",0,"assistant","reasoning"],"msg":"Extra inputs are not permitted","input":"rate limit per day"}]}`, "unsupported_feature request free none none - messages[0].assistant.reasoning"},
	{"pydantic, client's message", "mistral", 422, "", `{"detail":[{"type":"missing","loc":["body","messages",0,"content"],"msg":"Field required","input":{"role":"user"}}]}`, "invalid_request request return none none -"},
	{"echo in single quotes", "openai", 400, "", `{"error":{"message":"Invalid 'messages[0].content': 'the prompt is too long and the API key not valid'","param":null,"code":null}}`, "invalid_request request return none none -"},
	{"echo behind a param", "openai", 400, "", `{"error":{"message":"bad value: prompt is too long, maximum context length","param":"messages[2].content[0].text","code":null}}`, "invalid_request request return none none -"},
	{"echoed error object", "openai", 400, "", `{"error":{"message":"Invalid value: {\"error\":{\"code\":\"insufficient_quota\",\"message\":\"per day\"}}","param":"messages[0].content","code":"invalid_value"}}`, "invalid_request request return none none -"},
	{"fields that echo", "openai", 400, "", `{"error":{"message":"no"},"input":"maximum context length","failed_generation":"API key not valid"}`, "invalid_request request once none none -"},
	{"low credit", "openai", 400, "", `{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the API."}}`, "payment_required account next account config_change -"},
	{"google place", "google", 400, "", `[{"error":{"code":400,"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}]`, "auth key next key config_change -"},
	{"limit code on a 400", "openai", 400, "retry-after: 4", `{"error":{"message":"slow","code":"rate_limit_exceeded"}}`, "rate_limited key-minute next key+model retry_after 4"},
	{"vllm without tools", "openai", 400, "", msg(`"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set`), "unsupported_feature model free none none - tools"},
	{"google without functions", "google", 400, "", `[{"error":{"code":400,"message":"Function calling is not enabled for models/gemma-3-27b-it","status":"INVALID_ARGUMENT"}}]`, "unsupported_feature model free none none - tools"},
	{"image behind a param", "openai", 400, "", `{"error":{"message":"Invalid content type. image_url is only supported by certain models.","param":"messages[0].content[1].type","code":null}}`, "unsupported_feature model free none none - visionmessages[0].content[1].type"},
	{"zai reset", "zai", 429, "", `{"error":{"code":"1308","message":"Usage limit reached for 5 hour. Your limit will reset at 2026-11-22 22:30:00"}}`, "quota_exhausted key next key+model reset_at 9000"},
	{"openrouter by the day and model", "openrouter", 429, "x-ratelimit-remaining: 0\nx-ratelimit-reset: 1795392000000", msg("Rate limit exceeded: limit_rpd/acme/m/0f3c"), "rate_limited key-day next key+model reset_at 43200"},
	{"empty 400", "openai", 400, "", "", "invalid_request request once none none -"},

	// Keys, money, edges.
	{"401 whatever it says", "openai", 401, "retry-after: 3", "rate limit", "auth key next key config_change 3"},
	{"402 monthly", "huggingface", 402, "", `{"error":"You have exceeded your monthly included credits"}`, "quota_exhausted key-month next account month_end -"},
	{"402 with retry-after", "openai", 402, "retry-after: 3", "", "rate_limited key-minute next account retry_after 3"},
	{"403 subscription", "ollama-cloud", 403, "", `{"error":"this model requires a subscription"}`, "payment_required key next key+model config_change -"},
	{"403 page", "openai", 403, "content-type: text/html", "<!doctype html>", "upstream_fault provider next provider backoff -"},
	{"403 other Cloudflare code", "openai", 403, "", "error code: 1020", "upstream_fault provider next provider backoff -"},
	{"413 page", "openai", 413, "", "<html></html>", "context_length request free none none -"},
	{"410 model", "openai", 410, "", msg("This model was retired"), "model_gone model next model forever -"},
	{"410 service", "openai", 410, "", msg("The API was discontinued."), "model_gone provider next provider forever -"},
	{"410 bare", "openai", 410, "", "", "model_gone model next model forever -"},
	{"498 capacity", "groq", 498, "", msg("Flex tier capacity exceeded"), "overloaded model-upstream next model backoff -"},
	{"409", "openai", 409, "", msg("conflict"), "upstream_fault model next model backoff -"},
	{"redirect", "openai", 302, "", "", "upstream_fault model next model backoff -"},
	{"500 overloaded", "openai", 500, "", msg("Overloaded"), "overloaded model-upstream next model backoff -"},
	{"502 text", "openai", 502, "", "Bad Gateway", "upstream_fault provider next model backoff -"},
	{"503 with date", "openai", 503, "retry-after: Sun, 22 Nov 2026 12:01:00 GMT", "", "overloaded model next model retry_after 60"},
	{"504", "openai", 504, "retry-after: 2", "", "timeout model next model retry_after 2"},

	// Errors in a success.
	{"2xx code as string", "openrouter", 200, "", `{"error":{"message":"busy","code":"503"}}`, "overloaded model next model backoff -"},
	{"2xx error as string", "openai", 200, "", `{"error":"rate limit per day"}`, "upstream_fault model next model backoff -"},
	{"2xx word code", "openai", 200, "", `{"error":{"message":"slow, 5 per day","type":"rate_limit_error"}}`, "rate_limited key-day next key+model utc_midnight -"},
	{"2xx document in a message", "openai", 200, "", `{"error":{"message":"{\"error\":{\"code\":429,\"message\":\"Provider returned error\",\"metadata\":{\"provider_name\":\"Chutes\",\"retry_after\":8}}}"}}`, "rate_limited model-upstream next model retry_after 8"},
	{"gateway around a document", "openai", 429, "", msg(`litellm.RateLimitError: OpenrouterException - {"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"busy"}}}`), "rate_limited model-upstream next model backoff -"},
	{"event of a stream", "openai", 429, "", "data: " + msg("Limit: 5 per day") + "\n\n", "rate_limited key-day next key+model utc_midnight -"},
	{"2xx array", "google", 200, "", `[{"error":{"code":503,"message":"The model is overloaded."}}]`, "overloaded model-upstream next model backoff -"},
	{"2xx errors list", "cloudflare", 200, "", `{"errors":[{"code":500,"message":"x"}],"success":false,"result":null}`, "upstream_fault model next model backoff -"},
	{"2xx flat", "mistral", 200, "", `{"object":"error","message":"Rate limit exceeded","code":"1300","raw_status_code":429}`, "rate_limited key-minute next key backoff -"},
	{"2xx problem", "nvidia", 200, "", `{"status":503,"title":"Unavailable"}`, "overloaded model next model backoff -"},
	{"2xx second choice broke", "openrouter", 200, "", `{"choices":[{"message":{"content":"a"},"finish_reason":"stop"},{"message":{"content":""},"error":{"code":429,"message":"x"}}]}`, "rate_limited key-minute next key+model backoff -"},
	{"2xx finish error", "openrouter", 200, "", `{"choices":[{"message":{"content":"a"},"finish_reason":"error"}]}`, "upstream_fault model next model backoff -"},
	{"2xx null error", "openai", 200, "", `{"error":null,"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}`, "ok none pass none none -"},
	{"2xx error of nulls", "openai", 200, "", `{"error":{"code":null,"message":""},"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}`, "ok none pass none none -"},
	{"2xx no choices", "openai", 200, "", `{"choices":null}`, "upstream_fault model next model backoff -"},
	{"2xx choices empty", "openai", 200, "", `{"choices":[]}`, "upstream_fault model next model backoff -"},
	{"2xx cut", "openai", 200, "", `{"choices":[{"message":{"content":"h`, "upstream_fault model next model backoff -"},
	{"2xx nothing", "openai", 200, "", "", "upstream_fault model next model backoff -"},
	{"2xx text", "openai", 200, "", "OK", "upstream_fault model next model backoff -"},
	{"2xx filtered", "openai", 200, "", `{"choices":[{"message":{"content":""},"finish_reason":"content_filter"}]}`, "content_policy request free none none -"},
	{"2xx tool call", "openai", 200, "", `{"choices":[{"message":{"content":null,"tool_calls":[{"id":"a"}]},"finish_reason":"tool_calls"}]}`, "ok none pass none none -"},
	{"2xx reasoning only", "zai", 200, "", `{"choices":[{"message":{"content":"","reasoning_content":"hm"},"finish_reason":"length"}]}`, "ok none pass none none -"},
	{"2xx thoughts not shown", "openai", 200, "", `{"choices":[{"message":{"content":""},"finish_reason":"length"}],"usage":{"completion_tokens":9}}`, "ok none pass none none -"},
	{"2xx refusal", "openai", 200, "", `{"choices":[{"message":{"content":null,"refusal":"no"},"finish_reason":"stop"}]}`, "ok none pass none none -"},
	{"2xx parts", "mistral", 200, "", `{"choices":[{"message":{"content":[{"type":"text","text":"a"}]},"finish_reason":"stop"}]}`, "ok none pass none none -"},
	{"2xx embeddings", "openai", 200, "", `{"object":"list","data":[{"embedding":[1]}],"usage":{"prompt_tokens":2}}`, "ok none pass none none -"},
}

func TestClassifyVariants(t *testing.T) {
	for _, tt := range variants {
		t.Run(tt.name, func(t *testing.T) {
			headers := map[string]string{}
			for line := range strings.SplitSeq(tt.headers, "\n") {
				name, value, _ := strings.Cut(line, ": ")
				headers[name] = value
			}
			o := Classify(DialectOf(tt.dialect), tt.status, func(name string) string { return headers[name] }, []byte(tt.body), noon)
			if got := brief(o); got != tt.want {
				t.Errorf("got  %s\nwant %s\nmessage %q", got, tt.want, o.Message)
			}
		})
	}
}

func TestClassifyGood(t *testing.T) {
	body := `{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":3,"cost":0.002}}`
	got := Classify(nil, 200, nil, []byte(body), noon)
	want := fallback.Outcome{Class: fallback.OK, Action: fallback.PassThrough, Status: 200, InputTokens: 12, OutputTokens: 3, CostUSD: 0.002}
	if got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	hostile := `{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":-5,"completion_tokens":1e300,"cost":"NaN"}}`
	if o := Classify(nil, 200, nil, []byte(hostile), noon); o.InputTokens != 0 || o.OutputTokens != 1<<31-1 || o.CostUSD != 0 {
		t.Errorf("hostile usage was taken as %d, %d, %g", o.InputTokens, o.OutputTokens, o.CostUSD)
	}
}

func TestClassifyEmpty(t *testing.T) {
	for body, empty := range map[string]bool{
		`{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}`:                                   true,
		`{"choices":[{"message":{"content":null,"tool_calls":[]},"finish_reason":"tool_calls"}]}`:           true,
		`{"choices":[{"message":{"content":""},"finish_reason":"length"}],"usage":{"completion_tokens":0}}`: true,
		`{"choices":[{"text":"","finish_reason":"stop"}]}`:                                                  true,
		`{"choices":[{"finish_reason":"stop"}]}`:                                                            false,
		`{"choices":[]}`:                                                                                    false,
		`{"choices":[{"message":{"content":""},"finish_reason":"content_filter"}]}`:                         false,
		"": false,
		`{"error":{"message":"the completion is empty","code":429}}`: false,
	} {
		o := Classify(nil, 200, nil, []byte(body), noon)
		if o.Class == fallback.OK || IsEmpty(&o) != empty {
			t.Errorf("%s: %s, empty %v, want %v", body, o.Class, IsEmpty(&o), empty)
		}
	}
}

func TestClassifyError(t *testing.T) {
	for _, tt := range []struct{ doc, want string }{
		{`{"id":"1","choices":[{"delta":{"content":"{\"error\":{\"code\":429}}"}}]}`, ""},
		{`{"id":"1","choices":[],"error":null,"usage":{"prompt_tokens":1}}`, ""},
		{`{"type":"message_start","message":{"id":"m"}}`, ""},
		{`{"type":"response.created","response":{"error":null,"status":"in_progress"}}`, ""},
		{`{"id":"","choices":[],"prompt_filter_results":[{"content_filter_results":{}}]}`, ""},
		{`[]`, ""},
		{`"error"`, ""},
		{`{"error":{"code":502,"message":"x"},"choices":[]}`, "upstream_fault 502"},
		{`{"error":{"message":"x","type":"rate_limit_error","code":"rate_limit_exceeded"}}`, "rate_limited 429"},
		{`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, "overloaded 200"},
		{`{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded","message":"x"}}}`, "rate_limited 429"},
		{`{"type":"error","code":"server_error","message":"x","param":null}`, "upstream_fault 500"},
		{`{"choices":[{"delta":{"content":""},"finish_reason":"error","error":{"code":429,"message":"x"}}]}`, "rate_limited 429"},
		{`{"error":{"code":400,"message":"maximum context length is 5"}}`, "context_length 400"},
		{`{"error":{"code":200,"message":"maximum context length is 5"}}`, "context_length 200"},
		{`{"error":"Trying to keep the first 5234 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens"}`, "context_length 200"},
		{`{"error":{"message":"Internal error"}}`, "upstream_fault 200"},
	} {
		o, ok := ClassifyError(DialectOf("openrouter"), []byte(tt.doc), noon)
		got := ""
		if ok {
			got = fmt.Sprint(o.Class, " ", o.Status)
		}
		if got != tt.want {
			t.Errorf("%s\n\tgot  %s\n\twant %s", tt.doc, got, tt.want)
		}
	}
}

func TestProven(t *testing.T) {
	for _, tt := range []struct {
		dialect, header, body string
		want                  bool
	}{
		{"openrouter", "", msg("Rate limit exceeded: free-models-per-day"), true},
		{"openrouter", "", msg("5 per day"), false},
		{"google", "", `[{"error":{"details":[{"violations":[{"quotaId":"XPerDay"}]}]}}]`, true},
		{"openai", "", `{"error":{"code":"4006"}}`, false}, // whose midnight?
		{"openai", "9000", msg("x"), false},
		{"groq", "", msg("per day"), false},
	} {
		header := func(name string) string {
			if name == "retry-after" {
				return tt.header
			}
			return ""
		}
		if o := Classify(DialectOf(tt.dialect), 429, header, []byte(tt.body), noon); o.Proven != tt.want {
			t.Errorf("%s %s: proven %v until %s", tt.dialect, tt.body, o.Proven, o.Until)
		}
	}
}

// Hostile depth and size cost bounded time and stack: gjson's own check recurses.
func TestClassifyDeep(t *testing.T) {
	for _, unit := range []string{"[", `{"error":`, `[{"error":{"message":`} {
		size := 600_000
		if unit == "[" {
			size = 6_000_000 // enough for a recursive check to take the process down
		}
		deep := strings.Repeat(unit, size/len(unit))
		nested, _ := json.Marshal(deep)
		for _, body := range []string{deep, `{"error":{"message":` + string(nested) + `}}`} {
			for _, status := range []int{200, 429, 500} {
				if o := Classify(nil, status, nil, []byte(body), noon); o.Class == fallback.OK {
					t.Errorf("%.20s with %d is good", body, status)
				}
			}
		}
	}
	matryoshka := `{"error":{"message":"in","code":"insufficient_quota"}}`
	for range 12 {
		quoted, _ := json.Marshal(matryoshka)
		matryoshka = `{"error":{"message":` + string(quoted) + `}}`
	}
	if o := Classify(nil, 429, nil, []byte(matryoshka), noon); o.Class != fallback.RateLimited {
		t.Errorf("the %d. document within a document was read: %s", 12, o.Class)
	}
}

func TestClientError(t *testing.T) {
	long := strings.Repeat("a ", 600)
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   Error
	}{
		{"as it came", 422, `{"error":{"message":"bad role","type":"t","param":"messages[0].role","code":"invalid_value"},"user_id":"u"}`,
			Error{422, "bad role", "t", "messages[0].role", "invalid_value"}},
		{"code as a number", 400, `{"error":{"message":"x","code":400}}`, Error{400, "x", "invalid_request_error", "", "400"}},
		{"own words of the client stay", 400, msg(`Invalid: "my long words"`), Error{400, `Invalid: "my long words"`, "invalid_request_error", "", ""}},
		{"a key does not", 400, msg("key sk-or-v1-0123456789 is bad\r\nX: y"), Error{400, "key *** is bad X: y", "invalid_request_error", "", ""}},
		{"500 characters", 400, msg(long), Error{400, long[:499] + "…", "invalid_request_error", "", ""}},
		{"error in a success", 200, `{"error":{"message":"x","code":422}}`, Error{422, "x", "invalid_request_error", "", "422"}},
		{"string", 400, `{"error":"x"}`, Error{400, "x", "invalid_request_error", "", ""}},
		{"pydantic", 422, `{"detail":[{"type":"missing","loc":["body","messages"],"msg":"Field required"}]}`, Error{422, "Field required", "invalid_request_error", "messages", ""}},
		{"nothing", 400, `<html>`, Error{400, "the provider refused the request without saying why", "invalid_request_error", "", ""}},
		{"no status of an error", 200, `{}`, Error{400, "the provider refused the request without saying why", "invalid_request_error", "", ""}},
	} {
		if got := *ClientError(tt.status, []byte(tt.body)); got != tt.want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", tt.name, got, tt.want)
		}
	}
}

func TestDialectOf(t *testing.T) {
	if d := DialectOf("nobody"); d.Name != "openai" || d.LimitTarget != fallback.TargetPair || d.DayReset != fallback.UntilUTCMidnight {
		t.Errorf("an unknown name gives %+v", d)
	}
	if d := DialectOf("google"); d.DayReset != fallback.UntilPacificMidnight {
		t.Errorf("google's day: %s", d.DayReset)
	}
}

func FuzzClassify(f *testing.F) {
	for _, s := range append(readSamples(f), readRefusals(f)...) {
		header := ""
		for _, name := range []string{"retry-after", "x-ratelimit-reset", "content-type"} {
			header = max(header, s.Headers[name])
		}
		f.Add(s.Provider, s.Status, header, []byte(s.Body))
	}
	for _, v := range variants {
		f.Add(v.dialect, v.status, v.headers, []byte(v.body))
	}
	f.Add("openai", 400, "sk-ant-api03-abc", []byte(`{"error":{"message":"Bearer gsk_abc AIzaSyA\u0000B \u202e sk-proj-\u200bx"}}`))
	f.Fuzz(func(t *testing.T, dialect string, status int, header string, body []byte) {
		start := time.Now()
		o := Classify(DialectOf(dialect), status, func(string) string { return header }, body, noon)
		valid(t, o)
		all, learned := ClassifyAll(DialectOf(dialect), status, func(string) string { return header }, body, noon)
		if all != o {
			t.Errorf("two verdicts: %v, %v", o, all)
		}
		sane(t, learned)
		if o, ok := ClassifyError(DialectOf(dialect), body, noon); ok {
			valid(t, o)
		}
		if e := ClientError(status, body); e.Status < 400 || e.Status > 599 {
			t.Errorf("status %d for the client", e.Status)
		} else {
			checkClean(t, e.Message, maxClientMessage)
		}
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("%d bytes took %s", len(body), d)
		}
	})
}

// valid holds for every outcome, whatever was answered.
func valid(t *testing.T, o fallback.Outcome) {
	t.Helper()
	_ = fmt.Sprint(o.Class, o.Scope, o.Action, o.Target, o.Until, o.Feature) // panics beyond the last name
	checkClean(t, o.Message, maxMessage)
	switch {
	case o.Stated && (o.RetryAfter < 0 || o.RetryAfter > maxWait), !o.Stated && o.RetryAfter != 0:
		t.Errorf("stated %v, retry after %s", o.Stated, o.RetryAfter)
	case (o.Until == fallback.UntilRetryAfter || o.Until == fallback.UntilResetAt) && !o.Stated:
		t.Errorf("a rest until %s without a wait", o.Until)
	case (o.Class == fallback.OK) != (o.Action == fallback.PassThrough):
		t.Errorf("class %s with action %s", o.Class, o.Action)
	case (o.Action == fallback.NextModel) != (o.Target != fallback.TargetNone):
		t.Errorf("action %s rests %s", o.Action, o.Target)
	case o.Param != "" && !isFieldName(o.Param):
		t.Errorf("param %q", o.Param)
	}
}

func BenchmarkClassify429(b *testing.B) {
	var google, groq sample
	for _, s := range readSamples(b) {
		switch s.ID {
		case "google-429-per-day":
			google = s
		case "groq-429-tpm":
			groq = s
		}
	}
	bare := sample{ID: "bare", Provider: "openrouter", Status: 429, Headers: map[string]string{"content-type": "application/json"},
		Body: `{"error":{"message":"Rate limit exceeded","type":"rate_limit_error","code":"rate_limit_exceeded"}}`}
	for _, s := range []sample{bare, groq, google} {
		b.Run(s.ID, func(b *testing.B) {
			d, body := s.dialect(), []byte(s.Body)
			b.ReportAllocs()
			for b.Loop() {
				ClassifyAll(d, s.Status, s.header, body, noon)
			}
		})
	}
}

func BenchmarkClassifyGood(b *testing.B) {
	body := []byte(`{"choices":[{"message":{"content":"` + strings.Repeat("word ", 200) + `"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}`)
	b.ReportAllocs()
	for b.Loop() {
		Classify(nil, 200, nil, body, noon)
	}
}
