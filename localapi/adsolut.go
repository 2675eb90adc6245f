package localapi

import "balansd/accounts"

// ConnectAdsolutRequest ends a sign-in to Adsolut. State and Verifier are those with which
// it began; Verifier is a secret.
type ConnectAdsolutRequest struct {
	State    string `json:"state"`
	Verifier string `json:"verifier"`
	Address  string `json:"address"` // to which the browser came back; it holds the code
	By       string `json:"by,omitempty"`
}

func connectAdsolutRecord(in ConnectAdsolutRequest, _ none) accounts.Record {
	return accounts.Record{Who: in.By, What: "connect-adsolut"}
}
