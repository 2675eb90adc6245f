package service

import "context"

// managed does the work as a Windows service.
func (o RunOptions) managed(ctx context.Context, work Work) error {
	return o.supervise(ctx, work, func(string) {})
}
