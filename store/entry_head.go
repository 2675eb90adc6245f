package store

import (
	"encoding/binary"
	"errors"
	"time"

	"balansd/balance"
	"balansd/ledger"
)

// A row with the first byte packedWithHead has the head of its entry before the entry: as
// it is, so that a hundred thousand of them can be read at once. The bytes after the first
// one are
//
//	headVersion
//	length of the head, as a uvarint
//	the head: numbers as varints, then the lengths of the texts as uvarints, then the texts
//	the entry, as pack writes it
//
// A head of another version is not read: it is made from the entry. So a new version can
// add a field to the head, or have a Cause mean something else, and rows that are there
// need no migration. It must count headVersion up.
const (
	packedWithHead = 3
	headVersion    = 1
)

// headNumbers returns the numbers of a head, in the order in which they are stored.
func headNumbers(h ledger.Head) []int64 {
	parked := int64(0)
	if h.Parked {
		parked = 1
	}
	return []int64{int64(h.Number), int64(h.Version),
		int64(h.YearEnd.Year), int64(h.YearEnd.Month), int64(h.YearEnd.Day),
		h.CreatedAt.Unix(), int64(h.CreatedAt.Nanosecond()), h.UpdatedAt.Unix(), int64(h.UpdatedAt.Nanosecond()),
		h.Since.Unix(), int64(h.Since.Nanosecond()), parked, h.FirmID, h.CompanyID}
}

// headTexts returns the texts of a head, in the order in which they are stored.
func headTexts(h ledger.Head) []string {
	return []string{h.Connection, h.ID, h.Dossier.ID, h.Dossier.AffiliationNumber, string(h.Dossier.EnterpriseNumber), h.Dossier.Name,
		string(h.State), string(h.Reason), h.Cause, h.CompanyName}
}

// The numbers of headNumbers and headTexts.
const (
	countOfNumbers = 14
	countOfTexts   = 10
)

// appendHead appends a head to a row.
func appendHead(row []byte, h ledger.Head) []byte {
	head := make([]byte, 0, 256)
	for _, n := range headNumbers(h) {
		head = binary.AppendVarint(head, n)
	}
	texts := headTexts(h)
	for _, t := range texts {
		head = binary.AppendUvarint(head, uint64(len(t)))
	}
	for _, t := range texts {
		head = append(head, t...)
	}
	return append(binary.AppendUvarint(row, uint64(len(head))), head...)
}

var errHead = errors.New("its head is cut short")

// splitHead returns the head of a row of packedWithHead, undecoded, and the entry after it.
func splitHead(row []byte) (head, entry []byte, err error) {
	if len(row) < 2 {
		return nil, nil, errHead
	}
	size, n := binary.Uvarint(row[2:])
	if n <= 0 || size > uint64(len(row)-2-n) {
		return nil, nil, errHead
	}
	end := 2 + n + int(size)
	return row[2+n : end], row[end:], nil
}

// decodeHead decodes what appendHead appended after the length.
func decodeHead(head []byte) (h ledger.Head, err error) {
	var numbers [countOfNumbers]int64
	for i := range numbers {
		v, n := binary.Varint(head)
		if n <= 0 {
			return h, errHead
		}
		numbers[i], head = v, head[n:]
	}
	var lengths [countOfTexts]int
	total := uint64(0)
	for i := range lengths {
		v, n := binary.Uvarint(head)
		if n <= 0 || v > uint64(len(head)) {
			return h, errHead
		}
		lengths[i], head = int(v), head[n:]
		total += v
	}
	if total != uint64(len(head)) {
		return h, errHead
	}
	var texts [countOfTexts]string
	all := string(head) // one allocation for all
	for i, n := range lengths {
		texts[i], all = all[:n], all[n:]
	}
	return ledger.Head{
		Number: uint64(numbers[0]), Version: uint64(numbers[1]),
		YearEnd:   balance.Date{Year: int(numbers[2]), Month: time.Month(numbers[3]), Day: int(numbers[4])},
		CreatedAt: time.Unix(numbers[5], numbers[6]).UTC(), UpdatedAt: time.Unix(numbers[7], numbers[8]).UTC(),
		Since: time.Unix(numbers[9], numbers[10]).UTC(), Parked: numbers[11] == 1, FirmID: numbers[12], CompanyID: numbers[13],
		Connection: texts[0], ID: texts[1],
		Dossier: ledger.Dossier{ID: texts[2], AffiliationNumber: texts[3], EnterpriseNumber: balance.EnterpriseNumber(texts[4]), Name: texts[5]},
		State:   ledger.State(texts[6]), Reason: ledger.Reason(texts[7]), Cause: texts[8], CompanyName: texts[9],
	}, nil
}

// packEntry writes an entry with its head.
func (c *codec) packEntry(e ledger.Entry) ([]byte, error) {
	row := appendHead(append(make([]byte, 0, 512), packedWithHead, headVersion), e.Head())
	return c.appendPacked(row, e)
}

// unpackEntry reads an entry, also one that was written without a head. Its errors are
// rowErrors.
func (c *codec) unpackEntry(row []byte, e *ledger.Entry) error {
	if len(row) > 0 && row[0] == packedWithHead {
		var err error
		if _, row, err = splitHead(row); err != nil {
			return &rowError{err}
		}
	}
	return c.unpack(row, e)
}

// unpackHead reads the head of an entry. Its errors are rowErrors.
func (c *codec) unpackHead(row []byte) (ledger.Head, error) {
	if len(row) > 1 && row[0] == packedWithHead && row[1] == headVersion {
		head, _, err := splitHead(row)
		if err != nil {
			return ledger.Head{}, &rowError{err}
		}
		h, err := decodeHead(head)
		if err != nil {
			err = &rowError{err}
		}
		return h, err
	}
	var e ledger.Entry
	err := c.unpackEntry(row, &e)
	return e.Head(), err
}
