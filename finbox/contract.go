package finbox

import (
	_ "embed"
	"slices"
)

//go:embed openapi.yaml
var contract []byte

// Contract gives the OpenAPI 3.0 description of the calls that the client
// makes, as YAML. Each call gives a copy.
func Contract() []byte { return slices.Clone(contract) }
