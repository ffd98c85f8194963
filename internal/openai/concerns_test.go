package openai

import "testing"

// Whom a refusal concerns, in other words than the samples have: the edge, one model, the account, the request.
func TestWhomARefusalConcerns(t *testing.T) {
	const (
		key     = "auth key next key config_change -"
		plan    = "payment_required key next key+model config_change -"
		account = "payment_required account next account config_change -"
		edge    = "upstream_fault provider next provider backoff -"
		policy  = "content_policy request free none none -"
	)
	for _, tt := range []struct {
		status int
		body   string
		want   string
	}{
		// What stands before the provider, in JSON.
		{403, `{"cloudflare_error":true,"error_code":1009,"title":"Error 1009: Access denied: Country or region banned"}`, edge},
		{403, `{"status":403,"title":"Access denied","detail":"budget exceeded, content policy, insufficient balance","cloudflare_error":true}`, edge},
		{403, `{"status":403,"title":"Access denied","cloudflare_error":false}`, key},
		{525, `{"status":525,"title":"Error 525: SSL handshake failed","cloudflare_error":true}`, "upstream_fault provider next model backoff -"},
		{429, `{"status":429,"title":"slow","detail":"limited to 5 requests per minute","cloudflare_error":true}`, "rate_limited key-minute next key+model backoff -"},

		// One model, and the key is good.
		{401, `{"error":{"code":"PAID_MODEL_AUTH_REQUIRED","message":"Sign in"}}`, plan},
		{401, `{"error":{"message":"no","type":"key_model_access_denied"}}`, plan},
		{401, `{"error":{"message":"no","code":"invalid_model"}}`, "model_gone model next model 24h -"},
		{401, `{"error":{"message":"This key has no access to this model","code":"invalid_api_key"}}`, key},
		{403, msg("Free accounts do not have access to this model. Top up or purchase more credits."), plan},
		{403, msg("That model is not on your current plan."), plan},
		{403, msg("Your balance is insufficient to use this model; top up."), "payment_required account next account config_change -"},
		{400, msg("Your token plan not support model foo-9"), plan},
		{400, `{"error":{"code":"UnsupportedModel","message":"not with the coding plan"}}`, plan},

		// The account.
		{403, `{"error":{"message":"Please add a card","type":"customer_verification_required"}}`, account},
		{403, `{"error":{"message":"no","code":"insufficient_funds"}}`, account},
		{403, msg("You have no credits remaining."), account},
		{400, msg("user quota is not enough"), account},
		{429, msg("Your free credits are exhausted"), "payment_required account next key config_change -"},
		{429, msg("Token quota exceeded for this minute"), "rate_limited key-minute next key+model backoff -"},
		{429, `{"error":{"message":"spend","type":"quota_for_entity_exceeded"}}`, "quota_exhausted key next key config_change -"},
		{400, msg("The free tier is not available in your country."), key},

		{400, msg("Other apps draw from your extra usage."), account},
		{403, msg("All your trial credits have been used up."), account},
		{403, msg("Insufficient quota, please buy a package"), account},
		{429, msg("You have no valid coding plan."), plan},
		{400, msg("the service account is deleted"), key},
		{400, msg("foo 模型已下线"), "model_gone model next model forever -"},

		// The request.
		{400, msg("本模型不支持图片"), "unsupported_feature request free none none -"},
		{400, `{"error":{"code":"InputImageSensitiveContentDetected.PrivacyInformation","message":"no"}}`, policy},
		{400, `{"error":{"code":"OutputVideoSensitiveContentDetected","message":"no"}}`, policy},
		{403, `{"error":{"code":"image_url_unsafe","message":"no"}}`, policy},
		{400, msg("Content Exists Risk"), policy},
		{400, msg("抱歉，您所输入的内容含有违规信息"), policy},
		{403, msg("The number of prompt tokens for free accounts is limited to 2048."), "context_length request free none none -"},

		{400, `{"title":"Bad Request","status":400,"detail":"[{'type': 'string_too_short', 'loc': ('body', 'messages', 2, 'content'), 'msg': 'String should have at least 1 character', 'input': ''}]"}`, "invalid_request request once none none -"},

		// A limit under another status.
		{403, msg("Concurrency limit reached, 3 of 3 running"), "rate_limited key-minute next key+model backoff -"},
	} {
		if got := brief(Classify(nil, tt.status, nil, []byte(tt.body), noon)); got != tt.want {
			t.Errorf("%d %s\n\tgot  %s\n\twant %s", tt.status, tt.body, got, tt.want)
		}
	}
}
