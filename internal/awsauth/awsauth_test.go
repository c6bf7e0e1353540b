package awsauth

import (
	"context"
	"maps"
	"strings"
	"testing"
)

var keys = Keys{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}

func TestNewChecksRegionAndKeys(t *testing.T) {
	for _, tc := range []struct {
		region string
		keys   Keys
		want   string
	}{
		{"", keys, "region"},
		{"us-east-1/x", keys, "region"},
		{"us-east-1", Keys{}, "empty"},
		{"us-east-1", Keys{AccessKeyID: "A"}, "empty"},
		{"us-east-1", Keys{AccessKeyID: "A", SecretAccessKey: " \n"}, "empty"},
		{"us-east-1", Keys{AccessKeyID: "A B", SecretAccessKey: "S"}, "access key ID contains"},
		{"us-east-1", Keys{AccessKeyID: "A", SecretAccessKey: "S\nT"}, "secret access key contains"},
		{"us-east-1", Keys{AccessKeyID: "A", SecretAccessKey: "S", SessionToken: "é"}, "session token contains"},
	} {
		_, err := New(context.Background(), Config{Region: tc.region, Keys: &tc.keys})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: %v", tc, err)
		}
	}
}

func TestKeysFrom(t *testing.T) {
	all := map[string][]byte{"AWS_ACCESS_KEY_ID": []byte("A"), "AWS_SECRET_ACCESS_KEY": []byte("S"),
		"AWS_SESSION_TOKEN": []byte("T")}
	if got, err := KeysFrom(all); err != nil || *got != (Keys{"A", "S", "T"}) {
		t.Errorf("%+v, %v", got, err)
	}
	for key := range all {
		data := maps.Clone(all)
		data[key] = []byte("\"A\"\n")
		if _, err := KeysFrom(data); err == nil || err.Error() != key+" is in quotes: remove them" {
			t.Errorf("%s: %v", key, err)
		}
	}
	for key, needed := range map[string]bool{"AWS_ACCESS_KEY_ID": true, "AWS_SECRET_ACCESS_KEY": true,
		"AWS_SESSION_TOKEN": false} {
		for name, value := range map[string][]byte{"missing": nil, "empty": {}} {
			data := maps.Clone(all)
			if data[key] = value; value == nil {
				delete(data, key)
			}
			_, err := KeysFrom(data)
			if needed == (err == nil) || needed && !strings.Contains(err.Error(), key) {
				t.Errorf("%s %s: %v", key, name, err)
			}
		}
	}
}
