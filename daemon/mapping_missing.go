package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"balansd/ledger"
	"balansd/mapping"
)

// missingTemplate says of a balance whose template is not in the workflow what is there, and
// whether the mapping is to blame: a handle that no template of the firm has.
func (r *run) missingTemplate(ctx context.Context, firmID int64, to mapping.Target, cause error) error {
	notYet, waits := errors.AsType[*ledger.WaitingError](cause)
	if !waits || notYet.Reason != ledger.TemplateMissing {
		return cause
	}
	out := *notYet
	if len(out.Templates) > 0 {
		var names []string
		for _, t := range nearestTemplates(to.Handle, out.Templates) {
			names = append(names, t.String())
		}
		out.Detail += "; there are: " + strings.Join(names, ", ")
	}
	if known, err := r.firmHandles(ctx, firmID); err == nil && !slices.Contains(known, to.Handle) {
		out.Detail = fmt.Sprintf("the mapping names the template %q, which the firm does not have at all: %s", to.Handle, out.Detail)
		out.Reason = ledger.TemplateUnknown
	}
	return &out
}

// firmHandles lists the handles of a firm's templates, read once a run.
func (r *run) firmHandles(ctx context.Context, firmID int64) ([]string, error) {
	r.handlesMu.Lock()
	defer r.handlesMu.Unlock()
	if known, ok := r.handles[firmID]; ok {
		return known.handles, known.err
	}
	all, err := r.cfg.Destination(firmID).Templates(ctx)
	var handles []string
	for _, t := range all {
		handles = append(handles, t.Handle)
	}
	if r.handles == nil {
		r.handles = map[int64]firmHandles{}
	}
	if ctx.Err() == nil {
		r.handles[firmID] = firmHandles{handles, err}
	}
	return handles, err
}

// firmHandles are the handles of a firm's templates, or why they are not known.
type firmHandles struct {
	handles []string
	err     error
}
