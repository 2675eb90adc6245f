package silverfin

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// documentRoutes are the calls about permanent documents and their folders.
func (s *Silverfin) documentRoutes() []sfRoute {
	read, write := all("permanent_documents:read"), all("permanent_documents:write")
	return []sfRoute{
		{"POST /companies/{company}/permanent_documents", write, s.addDocument},
		{"GET /companies/{company}/permanent_documents/{document}", read, s.getDocument},
		{"POST /companies/{company}/permanent_folders", write, s.addFolder},
		{"GET /companies/{company}/permanent_folders/{folder}", read, s.getFolder},
	}
}

// readMultipart takes in fields and at most one file, named content, of which
// only size and hash are kept.
func (c *sfCall) readMultipart() error {
	parts, err := c.r.MultipartReader()
	if err != nil {
		return err
	}
	form := url.Values{}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			c.takeForm(form)
			return nil
		}
		if err != nil {
			return err
		}
		if part.FormName() == "content" {
			hash := sha256.New()
			size, err := io.Copy(hash, part)
			if err != nil {
				return err
			}
			c.file = &sfFile{size, hex.EncodeToString(hash.Sum(nil))}
			continue
		}
		value, err := io.ReadAll(io.LimitReader(part, maxBody))
		if err != nil {
			return err
		}
		form.Add(part.FormName(), string(value))
	}
}

func (s *Silverfin) addDocument(c *sfCall) sfAnswer {
	company := s.company(c)
	if company == nil {
		return sfNotFound("Company")
	}
	parent, given := c.body.number("parent_id")
	var wrong []string
	if !given {
		wrong = append(wrong, "parent_id is missing")
	}
	if c.body.text("name") == "" {
		wrong = append(wrong, "name is missing")
	}
	if c.file == nil && c.body.text("filename") == "" {
		wrong = append(wrong, "content or filename is missing")
	}
	if wrong != nil {
		return sfErrors(wrong...)
	}
	if parent != 0 && company.folder(parent) == nil {
		return sfNotFound("Folder")
	}
	d := StoredDocument{ID: s.newID("document"), Parent: parent, Name: c.body.text("name"), At: s.now()}
	if c.file != nil {
		d.Size, d.SHA256 = c.file.size, c.file.sha256
	}
	company.Documents = append(company.Documents, d)
	return sfAnswer{http.StatusCreated, company.showDocument(d)}
}

func (s *Silverfin) getDocument(c *sfCall) sfAnswer {
	company := s.company(c)
	if company == nil {
		return sfNotFound("Company")
	}
	for _, d := range company.Documents {
		if d.ID == c.id("document") {
			return sfAnswer{http.StatusOK, company.showDocument(d)}
		}
	}
	return sfNotFound("Document")
}

// addFolder makes a folder. A name that is taken is refused; Silverfin puts no
// number behind it any more.
func (s *Silverfin) addFolder(c *sfCall) sfAnswer {
	company := s.company(c)
	if company == nil {
		return sfNotFound("Company")
	}
	parent, _ := c.body.number("parent_id")
	name := c.body.text("name")
	if name == "" {
		return sfErrors("name can't be blank")
	}
	if parent != 0 && company.folder(parent) == nil {
		return sfNotFound("Folder")
	}
	taken := func(f sfFolder) bool { return f.Parent == parent && f.Name == name }
	if slices.ContainsFunc(company.Folders, taken) {
		return sfErrors("Name has already been taken")
	}
	f := sfFolder{s.newID("document"), parent, name}
	company.Folders = append(company.Folders, f)
	return sfAnswer{http.StatusCreated, map[string]any{"id": f.ID, "path": company.path(parent), "name": name, "type": "folder"}}
}

func (s *Silverfin) getFolder(c *sfCall) sfAnswer {
	company, id := s.company(c), c.id("folder")
	if company == nil {
		return sfNotFound("Company")
	}
	if id != 0 && company.folder(id) == nil {
		return sfNotFound("Folder")
	}
	out := []map[string]any{}
	for _, f := range company.Folders {
		if f.Parent == id {
			out = append(out, map[string]any{"id": f.ID, "path": company.path(id), "name": f.Name, "type": "folder"})
		}
	}
	for _, d := range company.Documents {
		if d.Parent == id {
			out = append(out, company.showDocument(d))
		}
	}
	return sfAnswer{http.StatusOK, pageOf(c.r, out)}
}

func (c *sfCompany) folder(id int64) *sfFolder {
	for i := range c.Folders {
		if c.Folders[i].ID == id {
			return &c.Folders[i]
		}
	}
	return nil
}

// path names the folders from the root down to one of them.
func (c *sfCompany) path(folder int64) []string {
	out := []string{}
	for f := c.folder(folder); f != nil; f = c.folder(f.Parent) {
		out = append([]string{f.Name}, out...)
	}
	return out
}

func (c *sfCompany) showDocument(d StoredDocument) map[string]any {
	return map[string]any{
		"id": d.ID, "path": c.path(d.Parent), "name": d.Name, "type": "document",
		"content_updated_at": d.At.Format(time.RFC3339), "document": map[string]any{"id": d.ID},
	}
}
