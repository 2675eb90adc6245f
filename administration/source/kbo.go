package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"

	"balansd/administration"
	"balansd/balance"
	"balansd/problem"
)

// KBO is the open data of the Crossroads Bank for Enterprises (KBO, BCE): ZIPs that an
// administrator downloads and drops into a folder. They are streamed, and of them only
// the firm's own clients are held in memory.
type KBO struct {
	name, folder string

	mu   sync.Mutex // one reading at a time
	last *kboReading
}

// kboReading is what was read last. It serves again as long as the files are the same.
type kboReading struct {
	files   string // their names, sizes and times
	numbers map[balance.EnterpriseNumber]bool
	names   map[string]bool
	records []administration.Record
	report  administration.Report
}

// NewKBO returns the source of a folder.
func NewKBO(name, folder string) *KBO { return &KBO{name: name, folder: folder} }

// Info implements administration.Source.
func (k *KBO) Info() administration.Info {
	return administration.Info{Name: k.name, Kind: administration.KBO, Register: true,
		Fields: append([]administration.Field{administration.Name, administration.LegalForm}, administration.AddressFields()...)}
}

// List implements administration.Source: it lists the active enterprises with the
// numbers or names of q.
func (k *KBO) List(ctx context.Context, q administration.Query, yield func(administration.Record) error) (administration.Report, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	files, report, err := k.files()
	if err != nil {
		return report, err
	}
	known := k.last
	if known == nil || known.files != fingerprint(files) || !known.covers(q) {
		if known, err = k.read(ctx, files, report, q); err != nil {
			return report, err
		}
		k.last = known
	}
	report = known.report
	report.Left, report.Examples = maps.Clone(report.Left), slices.Clone(report.Examples)
	wanted := func(r administration.Record) bool {
		return slices.Contains(q.Numbers, r.EnterpriseNumber) || slices.ContainsFunc(q.Names, func(n string) bool { return hasName(r, n) })
	}
	records := known.records
	if len(q.Numbers) != len(known.numbers) || len(q.Names) != len(known.names) { // a part of what was read
		records = slices.DeleteFunc(slices.Clone(records), func(r administration.Record) bool { return !wanted(r) })
	}
	return report, yieldAll(ctx, &report, records, yield)
}

func (r *kboReading) covers(q administration.Query) bool {
	return !slices.ContainsFunc(q.Numbers, func(n balance.EnterpriseNumber) bool { return !r.numbers[n] }) &&
		!slices.ContainsFunc(q.Names, func(n string) bool { return !r.names[n] })
}

func hasName(r administration.Record, name string) bool {
	key := administration.NameKey(name)
	return slices.ContainsFunc(r.Names.All(), func(n string) bool { return administration.NameKey(n) == key })
}

// read reads the files.
func (k *KBO) read(ctx context.Context, files []kboFile, report administration.Report, q administration.Query) (*kboReading, error) {
	x := newKBOExtract(q, &report)
	readAll := func(tables ...kboTable) error {
		for _, f := range files {
			if err := x.readFile(ctx, f, tables); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				return problem.Wrap(err, problem.AdministrationDown, "nothing was taken from "+filepath.Base(f.path)+" of the KBO's open data",
					"Download it again and put it into the folder "+k.folder+"; what was read before stays.")
			}
		}
		return nil
	}
	if len(x.names) > 0 { // first of all which enterprises have one of the names
		x.seeking = true
		if err := readAll(denominationTable); err != nil {
			return nil, err
		}
		x.seeking = false
	}
	if err := readAll(metaTable, codeTable, denominationTable, enterpriseTable, addressTable); err != nil {
		return nil, err
	}
	x.settleNames()
	known := &kboReading{files: fingerprint(files), numbers: map[balance.EnterpriseNumber]bool{}, names: map[string]bool{}, records: x.records(), report: report}
	for _, n := range q.Numbers {
		known.numbers[n] = true
	}
	for _, n := range q.Names {
		known.names[n] = true
	}
	return known, nil
}

// kboFile is a ZIP of the open data.
type kboFile struct {
	path    string
	info    os.FileInfo
	extract int
	full    bool
}

// kboName matches the name by which the KBO publishes a ZIP.
var kboName = regexp.MustCompile(`(?i)^KboOpenData_(\d+)_(\d{4}_\d{2}_\d{2})_(Full|Update)(?: ?\(\d+\))?\.zip$`)

// files lists the ZIPs to read: the newest full one, and the updates after it in order.
func (k *KBO) files() (files []kboFile, report administration.Report, err error) {
	entries, err := os.ReadDir(k.folder)
	if err != nil {
		return nil, report, problem.Wrap(pathless(err), problem.AdministrationDown, "the folder "+k.folder+" of the KBO's open data cannot be read",
			"Check administration.kbo.folder in the configuration, and that the account of the service may read it.")
	}
	full := kboFile{extract: -1}
	var updates []kboFile
	for _, e := range entries {
		m := kboName.FindStringSubmatch(e.Name())
		if m == nil || !e.Type().IsRegular() {
			continue
		}
		f := kboFile{path: filepath.Join(k.folder, e.Name()), full: m[3][0] == 'F' || m[3][0] == 'f'}
		if f.extract, err = strconv.Atoi(m[1]); err != nil {
			continue
		}
		if f.info, err = e.Info(); err != nil {
			continue // gone since
		}
		switch {
		case !f.full:
			updates = append(updates, f)
		case f.extract > full.extract:
			full = f
		}
	}
	if full.extract < 0 {
		return nil, report, problem.New(problem.AdministrationDown, "there is no KboOpenData_..._Full.zip in the folder "+k.folder,
			"Download the newest full file of the KBO's open data, and put it there.")
	}
	updates = slices.DeleteFunc(updates, func(f kboFile) bool { return f.extract <= full.extract })
	slices.SortFunc(updates, func(a, b kboFile) int { return cmp.Or(a.extract-b.extract, cmp.Compare(a.path, b.path)) })
	updates = slices.CompactFunc(updates, func(a, b kboFile) bool { return a.extract == b.extract }) // downloaded twice
	files = append([]kboFile{full}, updates...)
	for i, f := range files {
		report.From = append(report.From, filepath.Base(f.path))
		if i > 0 && f.extract != files[i-1].extract+1 {
			report.Leave(administration.LeftAside{Reason: administration.MissingUpdate, File: filepath.Base(f.path), Value: strconv.Itoa(files[i-1].extract + 1)})
		}
	}
	return files, report, nil
}

// fingerprint tells files from others.
func fingerprint(files []kboFile) (s string) {
	for _, f := range files {
		s += fmt.Sprintf("%q %d %d\n", f.path, f.info.Size(), f.info.ModTime().UnixNano())
	}
	return s
}

// errIncomplete is what a ZIP ends in that breaks off.
var errIncomplete = errors.New("the ZIP breaks off or is damaged")
