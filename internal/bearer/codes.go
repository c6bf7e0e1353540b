package bearer

import "github.com/logout-operator/logout-operator/internal/logout"

// UnlessPassing returns the reason for an answer with an OAuth error code: final, unless the code concerns the
// credentials or the state of the service, which somebody can fix or which pass.
func UnlessPassing(code string, final logout.Reason) logout.Reason {
	if reason, ok := passing[code]; ok {
		return reason
	}
	return final
}

// passing has such codes of RFC 6749, 6750, 8628, 9449 and 9470.
var passing = map[string]logout.Reason{
	"access_denied":                    logout.Unauthorized,
	"expired_token":                    logout.Unauthorized,
	"insufficient_scope":               logout.Unauthorized,
	"insufficient_user_authentication": logout.Unauthorized,
	"invalid_client":                   logout.Unauthorized,
	"invalid_dpop_proof":               logout.Unauthorized,
	"invalid_scope":                    logout.Unauthorized,
	"invalid_token":                    logout.Unauthorized,
	"unauthorized_client":              logout.Unauthorized,
	"use_dpop_nonce":                   logout.Unauthorized,
	"server_error":                     logout.ServiceFailure,
	"slow_down":                        logout.Throttled,
	"temporarily_unavailable":          logout.ServiceUnavailable,
}
