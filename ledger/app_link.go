package ledger

// AppLinkPath is the path of the pages to which balansd's app link in Silverfin leads.
const AppLinkPath = "/from-silverfin"

// AppLink is a link that a person has in the menus of Silverfin. A firm's record of the
// one that balansd made has ID 0 until it was seen there.
type AppLink struct {
	ID      int64  `json:"id,omitempty"`
	Address string `json:"address"`
}
