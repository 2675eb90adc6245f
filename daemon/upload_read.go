package daemon

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"balansd/balance"
	"balansd/problem"
)

// maxSkipped bounds how many files that were not read are named.
const maxSkipped = 100

// readUploads unpacks the ZIP archives of an upload, and reads the documents that
// were not read yet.
func (d *Daemon) readUploads(ctx context.Context, id string) error {
	for _, do := range []func(context.Context, string, UploadItem) error{d.unpack, d.readItem} {
		u, err := d.loadUpload(id)
		if err != nil {
			return err
		}
		stored := slices.DeleteFunc(u.Items, func(it UploadItem) bool { return it.State != UploadStored })
		if err := d.eachItem(ctx, stored, func(ctx context.Context, it UploadItem) error { return do(ctx, id, it) }); err != nil {
			return err
		}
	}
	return nil
}

// unpack puts the documents of a ZIP archive in its place. What is no archive stays
// as it is.
func (d *Daemon) unpack(ctx context.Context, id string, it UploadItem) error {
	if it.Archived {
		return nil
	}
	f, err := d.config().Uploads.Open(id, it.ID)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	documents, skipped, err := balance.DocumentsAt(f, it.Size, balance.ArchiveLimits{})
	if err != nil {
		return d.unusable(ctx, id, it, problem.Wrap(err, problem.Unreadable, "the ZIP cannot be used", "Unpack it, and hand in the files in it."), err)
	}
	if len(documents) == 1 && documents[0].Path == "" {
		return nil
	}
	if len(documents) > MaxUploadBalances {
		return d.unusable(ctx, id, it, problem.New(problem.TooLarge,
			fmt.Sprintf("the ZIP has %d documents, and at most %d can be handed in at once", len(documents), MaxUploadBalances), "Hand it in in parts."), nil)
	}
	for _, doc := range documents {
		if err := d.unpackDocument(ctx, id, it, doc); err != nil {
			if problem.Is(err, problem.TooLarge) {
				return d.unusable(ctx, id, it, err, nil)
			}
			return err
		}
	}
	if err := d.recordSkipped(ctx, id, it.Name, skipped); err != nil {
		return err
	}
	return d.dropItem(id, it.ID)
}

// unpackDocument makes an item of a document in a ZIP archive. Its id follows from
// the archive's, so that unpacking it once more after a stop adds nothing.
func (d *Daemon) unpackDocument(ctx context.Context, id string, archive UploadItem, doc balance.Document) error {
	it := UploadItem{ID: memberID(archive.ID, doc.Path), Name: readable(archive.Name + balance.InArchive + doc.Path), State: UploadStored,
		Version: 1, Archived: true}
	content, err := doc.Content()
	if err != nil {
		return d.recordSkipped(ctx, id, archive.Name, []balance.Skipped{{Path: doc.Path, Reason: balance.SkippedDamaged, What: err.Error()}})
	}
	if err := d.saveContent(ctx, id, &it, bytes.NewReader(content)); err != nil {
		return err
	}
	defer d.uploads.locks.Lock(id)()
	return d.saveItem(ctx, id, it)
}

// recordSkipped records the files of an archive that were not read.
func (d *Daemon) recordSkipped(ctx context.Context, id, archive string, skipped []balance.Skipped) error {
	if len(skipped) == 0 {
		return nil
	}
	_, others := balance.DescribeSkipped(skipped)
	return d.updateUpload(ctx, id, func(u *Upload) {
		for _, s := range skipped {
			switch {
			case s.Reason == balance.SkippedOther:
			case len(u.Skipped) < maxSkipped:
				u.Skipped = append(u.Skipped, SkippedFile{Name: readable(archive + balance.InArchive + s.Path), Reason: s.Reason, Why: s.What})
			default:
				u.SkippedMore++
			}
		}
		if _, what, ok := strings.Cut(others, ": "); ok && len(u.Others) < maxSkipped {
			u.Others = append(u.Others, readable(what))
		}
	})
}

// readItem reads a document. What holds no social balance is not kept.
func (d *Daemon) readItem(ctx context.Context, id string, it UploadItem) error {
	content, err := d.config().Uploads.Load(id, it.ID)
	if err != nil {
		return err
	}
	b, err := d.config().readAccepted(ctx, content, nil)
	if wrong := (*balance.ReadError)(nil); err != nil && !errors.As(err, &wrong) {
		return err // nothing is known of the document
	}
	if pr := unusable(b, err); pr != nil {
		if it.Archived && isOther(it.Name, content, pr, err) {
			return d.leaveOut(ctx, id, it)
		}
		return d.unusable(ctx, id, it, pr, err)
	}
	_, err = d.updateItem(ctx, id, it.ID, func(now *UploadItem) (bool, error) {
		now.State = UploadRead
		now.Balance = &UploadedBalance{Layout: b.Layout, EnterpriseNumber: b.EnterpriseNumber, Name: b.Name, Model: b.Model,
			FiscalYear: b.FiscalYear, Correction: b.Correction, Rounded: b.Rounded, Values: b.Values, Findings: b.Findings, Doubts: b.Doubts}
		return true, nil
	})
	return err
}

// unusable says why nothing can be delivered of what was read; nil where it can.
func unusable(b *balance.Balance, err error) *problem.Problem {
	const other = "Ask the payroll bureau for the balance in another format, or for a corrected one."
	switch {
	case err != nil:
		return problem.New(problem.Unreadable, err.Error(), other)
	case len(b.Values) == 0 && len(b.Doubts) == 0:
		return problem.New(problem.NoSocialBalance, "it has no social balance in it", "Ask the payroll bureau for the social balance itself.")
	case b.FiscalYear.End.IsZero() && !b.YearInDoubt():
		return problem.New(problem.Unreadable, "it does not give the financial year", other)
	default:
		return nil
	}
}

// isOther reports whether what cannot be used of a ZIP archive lies beside the balances
// in it. A PDF without figures may be the scan of a balance, whatever its name.
func isOther(name string, content []byte, pr *problem.Problem, err error) bool {
	return pr.Code == problem.NoSocialBalance ||
		err != nil && !balance.IsMeantAsBalance(name, err) && !bytes.HasPrefix(content, []byte("%PDF"))
}

// leaveOut forgets a document of a ZIP archive, and says only that it was there.
func (d *Daemon) leaveOut(ctx context.Context, id string, it UploadItem) error {
	archive, path, _ := strings.Cut(it.Name, balance.InArchive)
	if err := d.recordSkipped(ctx, id, archive, []balance.Skipped{{Path: path, Reason: balance.SkippedOther}}); err != nil {
		return err
	}
	return d.dropItem(id, it.ID)
}

// unusable records why a document cannot be used, and forgets its content.
func (d *Daemon) unusable(ctx context.Context, id string, it UploadItem, err, cause error) error {
	pr := problem.Of(err)
	kind := balance.Cause("")
	if wrong, ok := errors.AsType[*balance.ReadError](cause); ok {
		kind = wrong.Kind
	}
	_, err = d.updateItem(ctx, id, it.ID, func(now *UploadItem) (bool, error) {
		now.State, now.Problem, now.Next, now.Code, now.Cause = UploadUnusable, pr.Error(), pr.Next, pr.Code, kind
		return true, nil
	})
	return errors.Join(err, d.config().Uploads.Delete(id, it.ID))
}

// memberID names an item by the archive that it came in and its path there.
func memberID(archive, path string) string {
	sum := sha256.Sum256([]byte(archive + "\x00" + path))
	return "M" + hex.EncodeToString(sum[:16])
}
