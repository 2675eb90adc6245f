package daemon

import (
	"context"

	"balansd/administration"
)

// saveFiled saves the figures that were filed for the year before.
func (d *Daemon) saveFiled(context.Context, administration.Info, []administration.Record) error {
	return nil
}
