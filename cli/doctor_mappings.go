package cli

import (
	"context"

	"balansd/daemon"
)

// checkMappings says of each linked firm whether its templates use the mapping. Only the
// daemon looks, since it has the sign-ins. That no template was seen yet holds nothing up.
func (x *examination) checkMappings(ctx context.Context) []daemon.Check {
	if x.node == nil {
		return nil
	}
	checks, err := x.node.CheckMapping(ctx, daemon.MappingCheckRequest{})
	if err != nil {
		return nil // no firm is linked, or the state cannot be read, which checkState says
	}
	var list []daemon.Check
	for _, c := range checks {
		name := "mapping of " + c.Mapping.FirmName
		result := daemon.NewCheck(name, seenText(c.Mapping, x.cfg), nil)
		for _, f := range c.Found {
			if f.Wrong && f.Kind != daemon.NotSeenInUse {
				result = daemon.NewWarning(name, f.Text, f.Next+" See balansd mapping check.")
				break
			}
		}
		list = append(list, result)
	}
	return list
}
